import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineConfig, type KckConfig } from '../../../src/config/config.ts'
import { resolveConfig } from '../../../src/config/resolve.ts'
import type { KckError } from '../../../src/errors.ts'

const folder = '/project'
const resolve = (config: unknown, environment = {}) => resolveConfig(config, { folder, environment })

/** The problems of settings that are refused, as `setting message`. */
function problemsOf(config: unknown, environment = {}): string[] {
  try {
    resolve(config, environment)
  } catch (error) {
    const { code, details } = error as KckError
    expect(code).toBe('INVALID_CONFIG')
    return (details['problems'] as { setting: string; message: string }[]).map((p) => `${p.setting} ${p.message}`)
  }
  return []
}

const pool = { userPoolId: 'eu-west-1_Ab12Cd34e', clientId: 'app1' }

describe('defaults', () => {
  it('need no file', () => {
    expect(resolve({})).toEqual({
      folder,
      primers: '/project/primers',
      updaters: null,
      primeOnCacheMiss: true,
      store: { kind: 'lmdb', path: '/project/.kck/store' },
      queue: { kind: 'lmdb', path: '/project/.kck/store' },
      sources: {
        main: {
          kind: 'pglite',
          path: '/project/.kck/main',
          init: null,
          statementTimeoutMs: 60_000,
          budget: { concurrency: 8, perSecond: null },
        },
      },
      auth: null,
      access: { fetch: 'public', update: 'public', change: 'public', admin: 'public' },
      writes: { maxWaiting: 10_000, maxWaitingBytes: 16_777_216, maxWriteBytes: 65_536 },
      nearCache: { maxBytes: 64 * 1024 ** 2, maxAgeMs: 1000 },
      replica: {
        log: { kind: 'file', path: '/project/.kck/replica/log' },
        path: '/project/.kck/replica',
        snapshots: { kind: 'file', path: '/project/.kck/replica/snapshots' },
        maxAgeMs: 5_000,
        snapshotEveryMs: 21_600_000,
        state: 'lmdb',
        cacheBytes: 32 * 1024 ** 2,
      },
      largeBodies: null,
      limits: {
        deadlineMs: 10_000,
        computeTimeoutMs: 300_000,
        bodyBytes: 1024 ** 2,
        keysPerFetch: 100,
        maxValueBytes: 64 * 1024 ** 2,
      },
      server: { host: '127.0.0.1', port: 8001, workers: 1, cors: null },
    })
  })

  it('let nobody write where others can reach it and nobody can sign in', () => {
    for (const exposed of [
      resolve({ server: { host: '0.0.0.0' } }),
      resolve({}, { AWS_LAMBDA_FUNCTION_NAME: 'kck-fetch' }),
    ]) {
      const { fetch, update, change, admin } = exposed.access
      expect(fetch).toBe('public')
      expect(update).toBe(admin)
      expect(change).toBe(admin)
      expect((update as () => boolean)()).toBe(false)
    }
  })

  it('ask for a token where somebody can sign in', () => {
    expect(resolve({ auth: pool }).access).toEqual({
      fetch: 'authenticated',
      update: 'authenticated',
      change: { scopes: ['kck:change', 'kck/change'] },
      admin: { scopes: ['kck/admin'] },
    })
  })
})

describe('the queue', () => {
  const url = (lane: string) => `https://sqs.eu-west-1.amazonaws.com/1/kck-${lane}`
  const urls = { hot: url('hot'), normal: url('normal'), idle: url('idle') }
  const environment = { KCK_QUEUE_HOT_URL: urls.hot, KCK_QUEUE_NORMAL_URL: urls.normal, KCK_QUEUE_IDLE_URL: urls.idle }

  it('is beside the store where nothing else is said', () => {
    expect(resolve({ store: { kind: 'lmdb', path: 'here' } }).queue).toEqual({ kind: 'lmdb', path: '/project/here' })
    expect(resolve({ store: { kind: 'cassandra' } }).queue).toEqual({ kind: 'memory' })
    expect(resolve({ store: { kind: 'cassandra' } }, { KCK_QUEUE: 'lmdb' }).queue).toEqual({
      kind: 'lmdb',
      path: '/project/.kck/queue',
    })
    expect(resolve({}, { KCK_QUEUE: 'lmdb', KCK_QUEUE_PATH: 'q' }).queue).toEqual({ kind: 'lmdb', path: '/project/q' })
  })

  it('is SQS as soon as the environment has a URL', () => {
    const sqs = { kind: 'sqs', urls, region: null, endpoint: null }
    expect(resolve({ queue: { kind: 'memory' } }, environment).queue).toEqual(sqs)
    expect(resolve({ queue: { kind: 'sqs', urls } }).queue).toEqual(sqs)
    expect(resolve({}, { ...environment, KCK_QUEUE: 'memory' }).queue).toEqual({ kind: 'memory' })
  })

  it('has three standard queues', () => {
    expect(problemsOf({}, { ...environment, KCK_QUEUE_IDLE_URL: '' })[0]).toMatch(
      /^queue.urls.idle is missing: set all/,
    )
    expect(problemsOf({}, { ...environment, KCK_QUEUE_IDLE_URL: `${urls.idle}.fifo` })[0]).toMatch(
      /^queue.urls.idle \(from KCK_QUEUE_IDLE_URL\) must be the URL of a standard queue/,
    )
    expect(problemsOf({}, { ...environment, KCK_QUEUE_IDLE_URL: urls.hot })[0]).toMatch(/^queue.urls must name three/)
  })
})

describe('precedence', () => {
  const file = { server: { port: 1, workers: 2 } }

  it('is environment, file, default', () => {
    const { server } = resolve(file, { KCK_PORT: '9000', KCK_HOST: '' })
    expect(server).toEqual({ host: '127.0.0.1', port: 9000, workers: 2, cors: null })
  })

  it('leaves the file as it was', () => {
    resolve(file, { KCK_PORT: '9000' })
    expect(file.server.port).toBe(1)
  })

  it('KCK_STORE replaces the store of another kind, and keeps one of the same', () => {
    const cassandra = { store: { kind: 'cassandra', contactPoints: ['a'], keyspace: 'ks' } }
    expect(resolve(cassandra, { KCK_STORE: 'memory' }).store).toEqual({ kind: 'memory' })
    const kept = resolve(cassandra, {
      KCK_STORE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: 'b, c',
      CASSANDRA_PORT: '9142',
    })
    expect(kept.store).toMatchObject({ contactPoints: ['b', 'c'], port: 9142, keyspace: 'ks' })
  })

  it("other stores' variables do nothing", () => {
    expect(resolve({}, { CASSANDRA_PORT: 'tcp://10.0.0.1:9042' }).store.kind).toBe('lmdb')
    expect(resolve({}, { KCK_STORE_PATH: 'cache' }).store).toEqual({ kind: 'lmdb', path: '/project/cache' })
  })

  it('Keyspaces needs no more than a region, which the environment of AWS may name', () => {
    const store = { kind: 'keyspaces', region: 'eu-west-1', keyspace: 'kck', hosts: 2, endpoint: null }
    expect(resolve({}, { KCK_STORE: 'keyspaces', AWS_REGION: 'eu-west-1' }).store).toEqual(store)
    const environment = { AWS_REGION: 'us-east-1', KCK_STORE_REGION: 'eu-west-1', KCK_STORE_HOSTS: '1' }
    expect(resolve({ store: { kind: 'keyspaces' } }, environment).store).toEqual({ ...store, hosts: 1 })
    expect(() => resolve({ store: { kind: 'keyspaces' } })).toThrow('store.region is missing')
    const endpoint = { store: { kind: 'keyspaces', region: 'eu-west-1', endpoint: 'https://a' } }
    expect(() => resolve(endpoint)).toThrow('store.endpoint must be a host')
  })

  it('DATABASE_URL makes the only source a PostgreSQL server', () => {
    const url = 'postgres://u:p@db:5432/shop'
    const budget = { concurrency: 3 }
    expect(resolve({}, { DATABASE_URL: url }).sources['main']).toMatchObject({
      kind: 'postgres',
      connectionString: url,
    })
    const one = resolve({ sources: { shop: { kind: 'pglite', path: 'x', budget } } }, { DATABASE_URL: url })
    expect(one.sources['shop']).toMatchObject({ kind: 'postgres', connectionString: url, budget })
    const two = { sources: { a: { kind: 'pglite' }, b: { kind: 'postgres' } } }
    expect(problemsOf(two, { DATABASE_URL: url })).toHaveLength(1)
    expect(resolve(two, { KCK_SOURCE_B_URL: url }).sources['b']).toMatchObject({ connectionString: url })
  })

  it('gives a source of the Data API its addresses', () => {
    const environment = {
      KCK_SOURCE_SHOP_RESOURCE_ARN: 'arn:aws:rds:eu-west-1:1:cluster:c',
      KCK_SOURCE_SHOP_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:1:secret:s',
      KCK_SOURCE_SHOP_DATABASE: 'shop',
    }
    expect(resolve({ sources: { shop: { kind: 'rds-data' } } }, environment).sources['shop']).toMatchObject({
      resourceArn: environment.KCK_SOURCE_SHOP_RESOURCE_ARN,
      secretArn: environment.KCK_SOURCE_SHOP_SECRET_ARN,
      database: 'shop',
    })
    const budget = { concurrency: 3 }
    const onALaptop = { sources: { shop: { kind: 'pglite', path: 'x', budget } } }
    expect(resolve(onALaptop, environment).sources['shop']).toMatchObject({
      kind: 'rds-data',
      budget,
      database: 'shop',
    })
  })

  it('puts a user pool in the place of the development key', () => {
    const environment = { KCK_AUTH_USER_POOL_ID: 'eu-west-1_Ab12Cd34e', KCK_AUTH_CLIENT_ID: 'abc' }
    const auth = resolve({ auth: { issuer: 'local', maxLifetime: '1h' } }, environment).auth
    expect(auth).toMatchObject({ userPoolId: 'eu-west-1_Ab12Cd34e', clientId: ['abc'], maxLifetimeMs: 3_600_000 })
  })

  it('names the variable that is wrong', () => {
    expect(problemsOf({}, { KCK_PORT: 'eighty', KCK_PRIME_ON_CACHE_MISS: 'maybe', KCK_STORE: 'casandra' })).toEqual([
      "primeOnCacheMiss (from KCK_PRIME_ON_CACHE_MISS) must be true or false; it is 'maybe'",
      "store.kind (from KCK_STORE) must be 'memory', 'lmdb', 'cassandra' or 'keyspaces'; it is 'casandra'; did you mean 'cassandra'?",
      "server.port (from KCK_PORT) must be a whole number from 0 to 65535; it is 'eighty'",
    ])
  })

  it('says so when a variable is nearly one of ours, and leaves others alone', () => {
    expect(problemsOf({}, { KCK_PROT: '1' })).toEqual([
      'KCK_PROT is not an environment variable of KCK; did you mean KCK_PORT?',
    ])
    expect(problemsOf({}, { KCK_REQUIRE_CASSANDRA: '1', KCK_HOME: '/', PORT: 'x' })).toEqual([])
  })
})

describe('a setting is refused', () => {
  it.each<[string, unknown, string]>([
    ['no object', [], 'the default export must be an object; it is a list'],
    ['an unknown one', { stor: {} }, "stor is not a setting; did you mean 'store'?"],
    [
      'an unknown one that is like no other',
      { access: { xyz: 1 } },
      'access.xyz is not a setting; here are fetch, update, change, admin',
    ],
    ['__proto__', JSON.parse('{"__proto__": {"port": 1}}'), 'is not a setting'],
    [
      'a deeper one',
      { server: { cors: { origin: '*', origins: '*' } } },
      "server.cors.origins is not a setting; did you mean 'origin'?",
    ],
    [
      'of another kind of store',
      { store: { kind: 'memory', path: 'x' } },
      'store.path is not a setting; here are kind',
    ],
    [
      'a store without kind',
      { store: { path: 'x' } },
      "store.kind must be 'memory', 'lmdb', 'cassandra' or 'keyspaces'; it is missing",
    ],
    ['a store that is a text', { store: 'lmdb' }, "store must be an object such as { kind: 'memory' }; it is 'lmdb'"],
    ['a text that is empty', { primers: '' }, "primers must be a text; it is ''"],
    ['a flag that is a text', { primeOnCacheMiss: 'yes' }, "primeOnCacheMiss must be true or false; it is 'yes'"],
    ['a port', { server: { port: 70_000 } }, 'server.port must be a whole number from 0 to 65535; it is 70000'],
    ['half a worker', { server: { workers: 1.5 } }, 'server.workers must be a whole number from 1 to 256; it is 1.5'],
    [
      'a duration without unit',
      { limits: { deadline: '10' } },
      'limits.deadline is no length of time: write a time such as',
    ],
    ['no time at all', { limits: { deadline: '0s' } }, 'limits.deadline must be more than 0'],
    ['a size', { nearCache: { maxBytes: '64 MB' } }, "nearCache.maxBytes must be a size such as '512kb' or '64mb'"],
    ['a negative size', { nearCache: { maxBytes: -1 } }, 'nearCache.maxBytes must be a size'],
    ['no sources', { sources: {} }, 'sources must be an object with at least one entry'],
    ['a source without kind', { sources: { a: {} } }, "sources.a.kind must be 'pglite', 'postgres' or 'rds-data'"],
    [
      'a name of a source',
      { sources: { 'a b': { kind: 'pglite' } } },
      'sources.a b must be named with letters, digits and _',
    ],
    [
      'no address of a server',
      { sources: { a: { kind: 'postgres' } } },
      'sources.a.connectionString is missing: set it here, or',
    ],
    [
      'no budget',
      { sources: { a: { kind: 'pglite', budget: { concurrency: 0 } } } },
      'sources.a.budget.concurrency must be',
    ],
    [
      'a rate',
      { sources: { a: { kind: 'pglite', budget: { perSecond: 0 } } } },
      'sources.a.budget.perSecond must be a number above 0',
    ],
    [
      'an ARN',
      { sources: { a: { kind: 'rds-data', resourceArn: 'x' } } },
      'sources.a.resourceArn must be an ARN: arn:aws:rds:...',
    ],
    ['a rule', { access: { fetch: 'all' } }, "access.fetch must be 'public', 'authenticated', { scopes: [...] }"],
    ['a rule that mixes', { access: { fetch: { scopes: ['a'], groups: ['b'] } } }, 'access.fetch must be'],
    ['a rule without names', { access: { admin: { scopes: [] } } }, 'access.admin must be'],
    [
      'a keyspace',
      { store: { kind: 'cassandra', keyspace: 'a-b' } },
      'store.keyspace must be 2 to 48 lower-case letters, digits and _',
    ],
    [
      'config-24 CORS for all, with credentials',
      { server: { cors: { origin: '*', credentials: true } } },
      "server.cors.origin cannot be '*' together with credentials",
    ],
    [
      'an origin with a path',
      { server: { cors: { origin: 'https://a.example/' } } },
      'server.cors.origin must hold origins such as',
    ],
  ])('%s', (_, config, expected) => {
    const problems = problemsOf(config)
    expect(problems).toHaveLength(expected.startsWith('sources.a.resourceArn') ? 3 : 1)
    expect(problems[0]).toContain(expected)
  })

  it('when processes would each have their own', () => {
    const config = { store: { kind: 'memory' }, sources: { a: { kind: 'pglite', path: null } }, server: { workers: 2 } }
    expect(problemsOf(config)).toEqual([
      'store.kind is in the memory of one process; server.workers must be 1 for that',
      'sources.a.path is in the memory of one process; server.workers must be 1 for that',
    ])
  })

  it('together with all others, with its path, in one message', () => {
    const config = { stor: 1, server: { port: -1 }, sources: { a: { kind: 'postgres', url: 'x' } } }
    expect(problemsOf(config)).toHaveLength(4)
    expect(() => resolve(config)).toThrow(
      /^The settings are refused:\n {2}stor is not a setting.*\n {2}sources\.a\.url is not a setting.*\n {2}sources\.a\.connectionString is missing.*\n {2}server\.port must be/,
    )
  })

  it('without repeating what may be secret', () => {
    const secret = { sources: { a: { kind: 'postgres', connectionString: 'mysql://u:hunter2@db/x' } } }
    expect(problemsOf(secret).join()).not.toContain('hunter2')
  })
})

describe('auth is refused', () => {
  const oidc = { issuer: 'https://id.example.com' }
  const many = 'must name the clients (or auth.audience the audience)'

  it.each<[string, Record<string, unknown>, string, object?]>([
    ['nobody named', {}, 'auth.issuer must be given, or auth.userPoolId: exactly one of them'],
    ['both named', { ...oidc, userPoolId: pool.userPoolId }, 'auth.issuer must be given'],
    ['config-25 any client of a pool', { userPoolId: pool.userPoolId, clientId: null }, `auth.clientId ${many}`],
    ['no client of a pool', { userPoolId: pool.userPoolId }, `auth.clientId ${many}`],
    ['no client of an issuer', oidc, `auth.clientId ${many}`],
    ['no list of clients', { ...oidc, clientId: [] }, 'auth.clientId must be a text or a list of texts'],
    ['one client and all', { ...pool, allowAnyClient: true }, 'auth.allowAnyClient contradicts auth.clientId'],
    ['no pool', { ...pool, userPoolId: 'pool' }, "auth.userPoolId must be a pool's id"],
    ['an audience of a pool', { ...pool, audience: 'a' }, 'auth.audience is for other issuers'],
    ['an issuer without TLS', { issuer: 'http://id.example.com', clientId: 'a' }, 'auth.issuer must be an https URL'],
    ['an issuer that is no URL', { issuer: 'me', clientId: 'a' }, 'auth.issuer must be an https URL'],
    [
      'keys without TLS',
      { ...oidc, clientId: 'a', jwks: 'http://id.example.com/keys' },
      'auth.jwks must be an https URL',
    ],
    ['keys at an odd scheme', { ...oidc, clientId: 'a', jwks: 'ftp://x/keys' }, 'auth.jwks must be an https URL'],
    ['no keys', { ...oidc, clientId: 'a', jwks: { keys: [] } }, 'auth.jwks has no keys'],
    ['private keys', { ...oidc, clientId: 'a', jwks: { keys: [{ kty: 'EC', d: 'x' }] } }, 'auth.jwks holds a private'],
    [
      'a shared secret',
      { ...oidc, clientId: 'a', jwks: { keys: [{ kty: 'oct', k: 'x' }] } },
      'auth.jwks holds a private',
    ],
    ['local with a client', { issuer: 'local', clientId: 'a' }, "auth.clientId is not for the issuer 'local'"],
    [
      'local where others can reach it',
      { issuer: 'local' },
      "auth.issuer 'local' is for development",
      { KCK_HOST: '0.0.0.0' },
    ],
    ['keys kept for a minute less', { ...pool, maxKeyAge: '10s' }, 'auth.maxKeyAge must be at least 60000 ms'],
  ])('%s', (_, auth, expected, environment = {}) => {
    const problems = problemsOf({ auth }, environment)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
  })

  it.each<[string, Record<string, unknown>, object]>([
    [
      'a pool',
      pool,
      {
        issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34e',
        userPoolId: pool.userPoolId,
        jwks: { url: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34e/.well-known/jwks.json' },
        clientId: ['app1'],
        tokenUse: 'access',
        maxLifetimeMs: 86_400_000,
        maxKeyAgeMs: 3_600_000,
      },
    ],
    ['any client of a pool, said aloud', { userPoolId: pool.userPoolId, allowAnyClient: true }, { clientId: null }],
    ['an issuer', { ...oidc, audience: 'a' }, { jwks: { url: 'https://id.example.com/.well-known/jwks.json' } }],
    [
      'keys of this machine',
      { ...oidc, audience: 'a', jwks: 'http://127.0.0.1:1/k' },
      { jwks: { url: 'http://127.0.0.1:1/k' } },
    ],
    ['keys in a file', { issuer: 'me', audience: 'a', jwks: 'keys.json' }, { jwks: { file: '/project/keys.json' } }],
    [
      'local',
      { issuer: 'local' },
      { issuer: 'urn:kck:local', audience: ['kck'], jwks: { localKey: '/project/.kck/local-key.json' } },
    ],
  ])('but not: %s', (_, auth, expected) => {
    expect(resolve({ auth }).auth).toMatchObject(expected)
  })

  it('but not where the environment completes it', () => {
    const environment = { KCK_AUTH_USER_POOL_ID: pool.userPoolId, KCK_AUTH_CLIENT_ID: 'a,b' }
    expect(resolve({}, environment).auth).toMatchObject({ clientId: ['a', 'b'] })
  })
})

it('sizes count in powers of 1024', () => {
  const bytes = (maxBytes: unknown) => resolve({ nearCache: { maxBytes } }).nearCache.maxBytes
  expect(['0b', '512kb', '1.5mb', '2GB', 77].map(bytes)).toEqual([0, 524_288, 1_572_864, 2_147_483_648, 77])
})

it('is typed', () => {
  const config = defineConfig({ store: { kind: 'cassandra', port: 9142 }, access: { fetch: { groups: ['staff'] } } })
  expectTypeOf(config).toEqualTypeOf<KckConfig>()
  // @ts-expect-error a setting of another kind of store
  defineConfig({ store: { kind: 'memory', path: 'x' } })
  // @ts-expect-error an unknown setting
  defineConfig({ stor: { kind: 'memory' } })
})
