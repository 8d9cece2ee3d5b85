import type { aws_ec2 as ec2 } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { SourceAccess } from './access.ts'
import { KckDatabase } from './database.ts'
import { KckKeyspace } from './keyspace.ts'
import type { Project } from './project.ts'
import { bucketIn, bucketNameOf } from './storage.ts'

export interface KckDataProps {
  readonly project: Project
  /** The deployment's. */
  readonly name: string
  /** A keyspace that is there already; its tables are made, unless it has them. @default one is made */
  readonly keyspace?: { readonly name: string; readonly hasTables?: boolean }
  /** Clusters that are there already, by the name of the source. @default one cluster is made for all others */
  readonly sources?: Readonly<Record<string, ExistingSource>> | undefined
  readonly database?: DatabaseOptions | undefined
}

export interface ExistingSource {
  /** With the Data API on. */
  readonly clusterArn: string
  readonly database: string
  /** Of a user that may read. */
  readonly readerSecretArn: string
  /** Of a user that may write. @default the reader's */
  readonly writerSecretArn?: string
}

export interface DatabaseOptions {
  /** @default one of its own, with neither a way in nor out */
  readonly vpc?: ec2.IVpc
  /** ACU, 0 to 256 in halves; 0 lets it pause. @default 0 */
  readonly minCapacity?: number
  /** ACU. @default 4 */
  readonly maxCapacity?: number
}

/** What is kept when everything else goes: the store, the databases, the bucket. */
export class KckData extends Construct {
  readonly keyspace: KckKeyspace
  /** Null: all sources are others' clusters. */
  readonly database: KckDatabase | null
  readonly bucketName: string
  /** By name. */
  readonly sources: Readonly<Record<string, SourceAccess>>

  constructor(scope: Construct, id: string, props: KckDataProps) {
    super(scope, id)
    const { project, name, keyspace } = props
    this.keyspace = new KckKeyspace(this, 'Keyspace', {
      keyspaceName: keyspace?.name ?? name.replaceAll('-', '_'),
      exists: keyspace !== undefined,
      hasTables: keyspace?.hasTables ?? false,
      // All of them, whatever the primers say: a table that is kept when nobody wants it could not be made again.
      tables: { ...project.tables, ...project.logTables },
    })
    this.bucketName = bucketNameOf(name)
    bucketIn(this, 'Bucket', this.bucketName)
    const existing = Object.fromEntries(
      project.sources.flatMap((source) => {
        const given = props.sources?.[source.name] ?? bySettings(source)
        return given ? [[source.name, accessOf(given)] as const] : []
      }),
    )
    const own = project.sources.map((source) => source.name).filter((source) => !Object.hasOwn(existing, source))
    const databases = own.map((source) => source.toLowerCase())
    this.database = own.length === 0 ? null : new KckDatabase(this, 'Database', { name, databases, ...props.database })
    this.sources = { ...existing, ...Object.fromEntries(own.map((source) => [source, this.#ownAccess(source)])) }
  }

  #ownAccess(source: string): SourceAccess {
    const { clusterArn, admin, reader, writer } = this.database as KckDatabase
    return {
      clusterArn,
      database: source.toLowerCase(),
      readerSecretArn: reader.secretArn,
      writerSecretArn: writer.secretArn,
      adminSecretArn: admin.secretArn,
    }
  }
}

function accessOf({ writerSecretArn, ...given }: ExistingSource): SourceAccess {
  return { ...given, writerSecretArn: writerSecretArn ?? given.readerSecretArn, adminSecretArn: null }
}

function bySettings(source: Project['sources'][number]): ExistingSource | null {
  const { resourceArn, secretArn, database } = source
  if (resourceArn === null || secretArn === null || database === null) return null
  return { clusterArn: resourceArn, readerSecretArn: secretArn, database }
}
