import { type Client, type ExecutionOptions, errors, type Host, type HostMap, policies, types } from 'cassandra-driver'

type Decision = policies.retry.DecisionInfo
type OperationInfo = policies.retry.OperationInfo

/**
 * What may be spent on repeating statements: every statement earns a tenth of a repetition and every second one more,
 * so that a store in trouble gets 10% more load and not a multiple of it.
 */
export class RetryBudget {
  static readonly #LIMIT = 20
  #tokens = RetryBudget.#LIMIT
  #earnedAt = performance.now()

  earn(): void {
    this.#tokens = Math.min(RetryBudget.#LIMIT, this.#tokens + 0.1)
  }

  spend(): boolean {
    const now = performance.now()
    this.#tokens = Math.min(RetryBudget.#LIMIT, this.#tokens + (now - this.#earnedAt) / 1_000)
    this.#earnedAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

// The driver takes undefined for it; its types do not say so.
const SAME_CONSISTENCY = undefined as unknown as types.consistencies

/** Repeats on the next host, once, what may be repeated and got no answer; all else is for `Connection`, which waits. */
export class BoundedRetryPolicy extends policies.retry.RetryPolicy {
  override onRequestError(info: OperationInfo, _: types.consistencies, error: Error): Decision {
    if (info.nbRetry > 0 || error instanceof errors.ResponseError) return this.rethrowResult()
    return this.retryResult(SAME_CONSISTENCY, false)
  }
  override onUnavailable(): Decision {
    return this.rethrowResult()
  }
  override onReadTimeout(): Decision {
    return this.rethrowResult()
  }
  override onWriteTimeout(): Decision {
    return this.rethrowResult()
  }
}

type EmptyCallback = Parameters<policies.loadBalancing.LoadBalancingPolicy['init']>[2]
type PlanCallback = (error: Error, hosts: Iterator<Host>) => void

/** A host is slow for so many milliseconds after others had to stand in for it so many times. */
const SLOW_MS = 1_000
const SLOW_TIMES = 3

/**
 * Round robin over at most `maxHosts` connected hosts of the data center. A slow host is not asked while
 * others are quick, and when all are slow nothing is sent twice: one that stands still costs little, overload adds none.
 */
export class SparingHostsPolicy extends policies.loadBalancing.LoadBalancingPolicy {
  readonly #child: policies.loadBalancing.DCAwareRoundRobinPolicy
  readonly #maxHosts: number
  readonly #chosen = new Set<string>()
  /** When others last had to stand in for a host, by its address. */
  readonly #standIns = new Map<string, number[]>()

  constructor(localDataCenter: string, maxHosts = Number.POSITIVE_INFINITY) {
    super()
    this.#child = new policies.loadBalancing.DCAwareRoundRobinPolicy(localDataCenter)
    this.#maxHosts = maxHosts
  }

  override init(client: Client, hosts: HostMap, callback: EmptyCallback): void {
    // The host that answered first already has a connection.
    const { controlConnection } = client as unknown as { controlConnection?: { host?: Host | null } }
    const first = controlConnection?.host
    if (first) this.#chosen.add(first.address)
    this.#child.init(client, hosts, callback)
  }

  override getDistance(host: Host): types.distance {
    const distance = this.#child.getDistance(host)
    if (distance !== types.distance.local || this.#chosen.has(host.address)) return distance
    if (this.#chosen.size >= this.#maxHosts) return types.distance.ignored
    this.#chosen.add(host.address)
    return distance
  }

  override newQueryPlan(keyspace: string, executionOptions: ExecutionOptions, callback: PlanCallback): void {
    this.#child.newQueryPlan(keyspace, executionOptions, (error, hosts) => {
      callback(error, error ? hosts : this.#plan(hosts))
    })
  }

  override getOptions(): Map<string, object> {
    return this.#child.getOptions()
  }

  *#plan(hosts: Iterator<Host>): Generator<Host> {
    const usable: Host[] = []
    for (let next = hosts.next(); !next.done; next = hosts.next()) {
      if (this.#chosen.has(next.value.address) && isConnected(next.value)) usable.push(next.value)
    }
    const quick = usable.filter((host) => !this.#isSlow(host))
    const one = usable.find(isAnswering) ?? usable[0]
    // Who asks for a second host has no answer of the first.
    for (const host of quick.length > 0 || !one ? quick : [one]) {
      yield host
      const times = this.#standIns.get(host.address) ?? []
      this.#standIns.set(host.address, [...times.slice(1 - SLOW_TIMES), performance.now()])
    }
  }

  #isSlow(host: Host): boolean {
    const times = this.#standIns.get(host.address)
    const oldest = times?.at(-SLOW_TIMES)
    return oldest !== undefined && performance.now() < oldest + SLOW_MS
  }
}

/** What the driver knows of a host and its types do not say. */
interface HostState {
  getActiveConnection(): unknown
  getInFlight(): number
  /** Answers in the last 200 ms. */
  getResponseCount(): number
}
const stateOf = (host: Host) => host as Host & HostState

/** The driver fails a statement that it cannot prepare on a host it counts as up and has no connection to yet. */
const isConnected = (host: Host): boolean => stateOf(host).getActiveConnection() !== null

const isAnswering = (host: Host): boolean => stateOf(host).getInFlight() === 0 || stateOf(host).getResponseCount() > 0
