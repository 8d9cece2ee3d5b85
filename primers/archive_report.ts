import { primer } from 'kck'
import { sectionReport } from './section_report.ts'

/** The front page: every section, the largest first. Three levels of products stand below this one. */
export const archiveReport = primer({
  name: 'archive_report',
  description: 'All sections of the archive, the largest first.',
  parameters: {},
  softTtl: '1h',
  timeout: '2m',
  async compute({ getMany, sql }) {
    const sections = await sql<{ section: string }>('select distinct section from package order by section')
    const reports = await getMany(sectionReport, sections)
    return {
      sections: reports
        .map(({ section, packages, installedKib, largest }) => ({
          section,
          packages,
          installedKib,
          largest: largest.find((card) => card !== null)?.name ?? null,
        }))
        .toSorted((a, b) => b.installedKib - a.installedKib),
    }
  },
})
