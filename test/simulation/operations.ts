import { KckError } from '../../src/errors.ts'
import type { FetchRequest, Kck } from '../../src/kck/kck.ts'
import type { Asked, Memory } from './checks.ts'
import { FAMILIES, USUAL_FAMILIES } from './products.ts'
import type { OperationKind } from './scenarios.ts'
import { Killed, type Node, type World } from './world.ts'

const READERS = 3
const DEADLINE_MS = 10_000

/** What readers, writers and bad luck do to the world, one operation at a time. */
export class Operations {
  readonly #world: World
  readonly #memories: readonly Memory[] = Array.from({ length: READERS }, () => new Map())
  /** Changes by hand of one key happen one after the other: which of two is the last one, only their caller knows. */
  readonly #handsOn = new Set<string>()
  /** Announcements that are still tried. */
  pending = 0

  readonly #ids: readonly string[]
  readonly #keys: readonly string[]
  readonly #kinds: Readonly<Record<OperationKind, number>>

  constructor(world: World) {
    const { chance, scenario } = world
    this.#world = world
    this.#ids = chance.happens(0.2) ? ['a', 'b'] : ['a']
    const names = FAMILIES[scenario.family ?? chance.pick(USUAL_FAMILIES)] ?? []
    this.#keys = names.flatMap((name) => this.#ids.map((id) => `${name}/${id}`))
    const has = (...some: readonly string[]) => some.some((name) => names.includes(name))
    const { kinds } = scenario
    this.#kinds = {
      ...kinds,
      tag: has('tagged') ? kinds.tag : 0,
      hand: has('plain') ? kinds.hand : 0,
      drift: has('soft', 'hard') ? kinds.drift : 0,
      failing: has('hard') ? kinds.failing : 0,
    }
  }

  schedule(): void {
    const { scenario, clock, chance, figures } = this.#world
    for (let count = 0; count < scenario.operations; count++) {
      const kind = chance.weighted(this.#kinds)
      clock.after(chance.between(0, scenario.withinMs), () => {
        figures.operations += 1
        this.#world.trace?.(`-- ${kind}`)
        this[kind]()
      })
    }
  }

  read(): void {
    const { chance } = this.#world
    const memory = chance.pick(this.#memories)
    const request = this.#request()
    if (chance.happens(0.15)) {
      const keys = [...new Set([chance.pick(this.#keys), chance.pick(this.#keys), chance.pick(this.#keys)])]
      this.#ask(keys, request, memory)
    } else {
      this.#ask([chance.pick(this.#keys)], request, memory)
    }
  }

  /** The whole path of a write: intent, transaction, marks, answer. Nobody tries again when it fails. */
  update(): void {
    const { chance, checks, scenario } = this.#world
    const id = chance.pick(this.#ids)
    const key = `${scenario.family === 'counted' ? 'count' : 'write'}/${id}`
    this.#through(async (kck, node) => {
      const { rows } = await kck.update(key, {})
      this.#world.trace?.(`-- truth/${id} ${rows[0]?.['n']} is acknowledged`)
      checks.acknowledged(`truth/${id}`, rows[0]?.['n'] as number, node.name)
    }).catch((error: unknown) => this.#mayFail(error, key))
  }

  tag(): void {
    const { chance, truth } = this.#world
    const id = chance.pick(this.#ids)
    const n = truth.change(`hidden/tag-${id}`)
    this.#announce(`hidden/tag-${id}`, n, (kck) => kck.invalidateTags([`tag-${id}`]))
  }

  hand(): void {
    const { chance, truth } = this.#world
    const key = `plain/${chance.pick(this.#ids)}`
    if (this.#handsOn.has(key)) return
    this.#handsOn.add(key)
    const variable = `hidden/${key.replace('/', '-')}`
    const n = truth.change(variable)
    const how = chance.pick(['invalidate', 'purge', 'set'] as const)
    this.#announce(
      variable,
      n,
      (kck) => (how === 'set' ? kck.set(key, { n }) : kck[how](key)),
      () => this.#handsOn.delete(key),
    )
  }

  /** Something changes that nobody announces. */
  drift(): void {
    const { chance, truth } = this.#world
    truth.change(`${chance.pick(['hidden/soft-', 'flaky/'])}${chance.pick(this.#ids)}`)
  }

  crash(): void {
    const { chance, clock, nodes, figures, scenario } = this.#world
    const victims = nodes.filter(({ kind }) => kind === (scenario.victims ?? kind))
    if (victims.length === 0) return
    const victim = chance.pick(victims)
    // Somebody has to take the requests.
    if (victim.kind === 'web' && nodes.filter(({ kind }) => kind === 'web').length === 1) return
    figures.kills += 1
    victim.kill()
    clock.after(chance.between(100, 5_000), () => this.#world.start(victim.kind))
  }

  failing(): void {
    const { chance, clock, truth, scenario } = this.#world
    truth.failing = true
    clock.after(chance.between(1_000, scenario.withinMs * 0.75), () => {
      truth.failing = false
    })
  }

  /** Reads every key that is there, as a new reader. */
  async readAll(
    onAnswer: (key: string, answer: Awaited<ReturnType<Kck['fetch']>>) => Promise<void> | void,
  ): Promise<void> {
    const web = this.#world.web()
    const keys = [...this.#world.rows.keys()]
    const answers = await web.kck.fetchMany(keys)
    for (const [index, answer] of answers.entries()) {
      const key = keys[index] ?? ''
      if (answer instanceof KckError)
        this.#world.checks.violation(`in the end ${key} is ${answer.code}: ${answer.message}`)
      else await onAnswer(key, answer)
    }
  }

  #request(): FetchRequest {
    const { chance, scenario } = this.#world
    const kind = chance.weighted({ plain: 10, fresh: 4, noCache: 1.5, maxAge: 1.5, onlyIfCached: 1.5, hurried: 1.5 })
    switch (kind) {
      case 'plain':
        return scenario.quietReaders ? { maxStaleMs: 0 } : {}
      case 'fresh':
        return { maxStaleMs: 0 }
      case 'noCache':
        return { noCache: true }
      case 'maxAge':
        return { maxAgeMs: chance.between(100, 8_000) }
      case 'onlyIfCached':
        return { onlyIfCached: true, ...(scenario.quietReaders ? { maxStaleMs: 0 } : {}) }
      case 'hurried':
        return { maxStaleMs: 0, deadline: chance.between(100, 3_000) }
    }
  }

  #ask(keys: readonly string[], request: FetchRequest, memory: Memory): void {
    const { clock, checks, figures } = this.#world
    const begin = clock.now()
    const forMs = request.deadline ?? DEADLINE_MS
    const asked = (key: string, process: string): Asked => ({ key, request, begin, process })
    this.#through(async (kck, node) => {
      const deadline = node.process.ports.clock.now() + forMs
      this.#world.trace?.(`-- ${node.name} reads ${keys} ${JSON.stringify(request)}`)
      const answers = await (keys.length === 1
        ? kck.fetch(keys[0] as string, { ...request, deadline }).then((answer) => [answer])
        : kck.fetchMany(keys, { ...request, deadline }))
      for (const [index, answer] of answers.entries()) {
        const key = keys[index] as string
        if (answer instanceof KckError) checks.failed(answer, asked(key, node.name))
        else await checks.answered(answer, asked(key, node.name), memory)
      }
    })
      .catch((error: unknown) => {
        if (!(error instanceof Killed)) checks.failed(error, asked(keys.join(' '), ''))
      })
      .finally(() => {
        figures.late = Math.max(figures.late, clock.now() - begin - forMs)
      })
  }

  /** Until somebody says it is done: a caller that heard nothing says it again, to another process. */
  #announce(
    variable: string,
    n: number,
    how: (kck: Kck) => Promise<unknown>,
    done: () => void = () => undefined,
  ): void {
    const { checks, clock, chance } = this.#world
    this.pending += 1
    const attempt = () => {
      this.#through(async (kck, node) => {
        await how(kck)
        return node.name
      }).then(
        (by) => {
          checks.acknowledged(variable, n, by)
          this.#world.trace?.(`-- ${variable} ${n} is acknowledged`)
          this.pending -= 1
          done()
        },
        (error: unknown) => {
          this.#mayFail(error, variable)
          clock.after(chance.between(50, 1_000), attempt)
        },
      )
    }
    attempt()
  }

  /** In some process, as long as it lives. */
  #through<T>(work: (kck: Kck, node: Node) => Promise<T>): Promise<T> {
    const node = this.#world.web()
    return Promise.race([work(node.kck, node), node.death])
  }

  #mayFail(error: unknown, what: string): void {
    if (!(error instanceof Killed)) this.#world.checks.failed(error, { key: what, request: {}, begin: 0, process: '' })
  }
}
