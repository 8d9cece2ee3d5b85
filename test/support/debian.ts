import pg from 'pg'
import { loadDebian, readRows } from '../../examples/debian/load.ts'
import { createDatabase } from './postgres.ts'

/** A database of its own with the example's data in it. */
export async function debianDatabase(serverConnectionString: string) {
  const { connectionString, drop } = await createDatabase(serverConnectionString, 'debian')
  const client = new pg.Client({ connectionString })
  await client.connect()
  await loadDebian({ query: (text, values) => client.query(text, values), exec: (text) => client.query(text) })
  return {
    connectionString,
    client,
    async drop() {
      await client.end()
      await drop()
    },
  }
}

export interface DebianPackage {
  name: string
  version: string
  section: string
  maintainer_id: number
  source: string
  installed_kib: number
  size_bytes: number
}

/** The example's data in plain maps, and its questions answered without any SQL. */
export class DebianModel {
  readonly packages = new Map<string, DebianPackage>()
  readonly dependencies = new Map<string, string[]>()
  readonly dependents = new Map<string, string[]>()

  static async read(): Promise<DebianModel> {
    const model = new DebianModel()
    for await (const [name = '', version = '', section = '', maintainer, source = '', installed, size] of readRows(
      'packages.csv.zst',
    )) {
      model.packages.set(name, {
        name,
        version,
        section,
        maintainer_id: Number(maintainer),
        source,
        installed_kib: Number(installed),
        size_bytes: Number(size),
      })
    }
    for await (const [from = '', to = ''] of readRows('depends.csv.zst')) {
      push(model.dependencies, from, to)
      push(model.dependents, to, from)
    }
    return model
  }

  /** All that is reached from `start` over one edge or more; `start` itself only where a circle leads back to it. */
  reached(start: string, edges: ReadonlyMap<string, readonly string[]>): Set<string> {
    const seen = new Set<string>()
    const open = [start]
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      for (const next of edges.get(name) ?? []) {
        if (seen.has(next)) continue
        seen.add(next)
        open.push(next)
      }
    }
    return seen
  }

  footprint(name: string) {
    const known = [...this.reached(name, this.dependencies).add(name)].flatMap((each) => this.packages.get(each) ?? [])
    const all = this.packages.has(name) ? known : []
    return { packages: all.length, installed_kib: sum(all, 'installed_kib'), download_bytes: sum(all, 'size_bytes') }
  }

  allDependents(name: string) {
    const names = [...this.reached(name, this.dependents)].sort()
    const sections: Record<string, number> = {}
    for (const each of names) {
      const { section } = this.packages.get(each) as DebianPackage
      sections[section] = (sections[section] ?? 0) + 1
    }
    return { packages: names.length, sections, names }
  }

  blastRadius(maintainer: number) {
    return this.of((each) => each.maintainer_id === maintainer)
      .map(({ name }) => {
        const affected = this.reached(name, this.dependents)
        affected.delete(name)
        return { name, dependents: affected.size }
      })
      .sort((a, b) => b.dependents - a.dependents || compare(a.name, b.name))
      .slice(0, 20)
  }

  card(name: string) {
    const found = this.packages.get(name)
    if (found === undefined) return null
    const { packages, installed_kib } = this.footprint(name)
    const needing = (this.dependents.get(name) ?? []).toSorted(compare)
    return {
      name,
      version: found.version,
      section: found.section,
      installedKib: installed_kib,
      needs: packages - 1,
      neededBy: needing.length,
      neededByFirst: needing.slice(0, 10),
    }
  }

  /** The packages that `accept` takes, by name. */
  of(accept: (each: DebianPackage) => boolean): DebianPackage[] {
    return [...this.packages.values()].filter(accept).sort((a, b) => compare(a.name, b.name))
  }

  sectionReport(section: string) {
    const packages = this.of((each) => each.section === section)
    const largest = packages.toSorted((a, b) => b.installed_kib - a.installed_kib).slice(0, 5)
    return {
      section,
      packages: packages.length,
      installedKib: sum(packages, 'installed_kib'),
      largest: largest.map(({ name }) => this.card(name)),
    }
  }

  archiveReport() {
    const sections = [...new Set([...this.packages.values()].map(({ section }) => section))].sort()
    return {
      sections: sections
        .map((section) => {
          const { largest, ...report } = this.sectionReport(section)
          return { ...report, largest: largest[0]?.name ?? null }
        })
        .sort((a, b) => b.installedKib - a.installedKib)
        .slice(0, 10),
    }
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const sum = (packages: readonly DebianPackage[], field: 'installed_kib' | 'size_bytes') =>
  packages.reduce((total, each) => total + each[field], 0)

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
