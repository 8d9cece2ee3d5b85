import { type Client, type ExecutionOptions, type Host, type HostMap, policies, types } from 'cassandra-driver'

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

/** Repeats on the next host, once, and only what may be repeated; waiting before a repetition is `Connection`'s. */
export class BoundedRetryPolicy extends policies.retry.RetryPolicy {
  override onRequestError(info: OperationInfo): Decision {
    return info.nbRetry > 0 ? this.rethrowResult() : this.retryResult(SAME_CONSISTENCY, false)
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

/** Round robin over at most `maxHosts` hosts of the data center; every host after a statement's first costs budget. */
export class SparingHostsPolicy extends policies.loadBalancing.LoadBalancingPolicy {
  readonly #child: policies.loadBalancing.DCAwareRoundRobinPolicy
  readonly #budget: RetryBudget
  readonly #maxHosts: number
  readonly #chosen = new Set<string>()

  constructor(localDataCenter: string, budget: RetryBudget, maxHosts = Number.POSITIVE_INFINITY) {
    super()
    this.#child = new policies.loadBalancing.DCAwareRoundRobinPolicy(localDataCenter)
    this.#budget = budget
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
      callback(error, error ? hosts : this.#sparing(hosts))
    })
  }

  override getOptions(): Map<string, object> {
    return this.#child.getOptions()
  }

  *#sparing(hosts: Iterator<Host>): Generator<Host> {
    let tried = 0
    for (let next = hosts.next(); !next.done; next = hosts.next()) {
      const host = next.value
      if (!this.#chosen.has(host.address)) continue
      if (host.isUp() && tried++ > 0 && !this.#budget.spend()) return
      yield host
    }
  }
}
