import { primer, string } from 'kck'
import dependents from './dependents.sql'
import installFootprint from './install_footprint.sql'
import packageRow from './package.sql'

/** What a page about a package shows. */
export const packageCard = primer({
  name: 'package_card',
  description: 'A package, what it takes on the disk with all it needs, and who needs it.',
  parameters: { name: string() },
  softTtl: '1h',
  afterUpdates: ['package_version/:name'],
  async compute({ get }, { name }) {
    const row = await get(packageRow, { name })
    if (row === null) return null
    const [footprint, needing] = await Promise.all([get(installFootprint, { name }), get(dependents, { name })])
    return {
      name,
      version: row.version,
      section: row.section,
      installedKib: footprint.installed_kib,
      needs: footprint.packages - 1,
      neededBy: needing.length,
      neededByFirst: needing.slice(0, 10).map((dependent) => dependent.name),
    }
  },
})
