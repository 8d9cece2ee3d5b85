import { primer } from 'kck'
import { sectionReport } from './section_report.ts'

/** The front page: the largest sections. Three levels of products stand below this one. */
export const archiveReport = primer({
  name: 'archive_report',
  description: 'The ten largest sections of the archive.',
  softTtl: '1h',
  async compute({ getMany, sql }) {
    const sections = await sql<{ section: string }>(
      'select section from package group by section order by sum(installed_kib) desc, section limit 10',
    )
    const reports = await getMany(sectionReport, sections)
    return {
      sections: reports.map(({ section, packages, installedKib, largest }) => ({
        section,
        packages,
        installedKib,
        largest: largest[0]?.name ?? null,
      })),
    }
  },
})
