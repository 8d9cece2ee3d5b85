import { primer, string } from 'kck'
import { packageCard } from './package_card.ts'

interface SectionPackage {
  readonly name: string
  readonly installed_kib: number
}

const LARGEST = 5

/** A section of the archive: how much there is in it, and its largest packages. */
export const sectionReport = primer({
  name: 'section_report',
  description: 'A section of the archive and the cards of its five largest packages.',
  parameters: { section: string() },
  softTtl: '1h',
  async compute({ get, getMany }, { section }) {
    // A product of a YAML primer is read by its key.
    const packages = (await get(`section_packages/${encodeURIComponent(section)}`)) as unknown as SectionPackage[]
    const largest = packages.toSorted((a, b) => b.installed_kib - a.installed_kib).slice(0, LARGEST)
    return {
      section,
      packages: packages.length,
      installedKib: packages.reduce((sum, { installed_kib }) => sum + installed_kib, 0),
      largest: await getMany(
        packageCard,
        largest.map(({ name }) => ({ name })),
      ),
    }
  },
})
