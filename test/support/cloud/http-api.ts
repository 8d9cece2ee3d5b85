import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { type Gateway, refusal, startGateway } from '../http-gateway.ts'
import type { LambdaFunction } from '../lambda/function.ts'

export interface Route {
  /** `GET /fetch/{key+}`, `ANY /update/{proxy+}`, `$default`. */
  readonly routeKey: string
  readonly function: LambdaFunction
  /** Of the integration. */
  readonly timeoutMs: number
}

interface Compiled extends Route {
  readonly method: string
  readonly path: RegExp
  /** Lower is nearer. */
  readonly order: number
}

/** An HTTP API with its routes; the nearest one wins, as the documentation has it. */
export function startHttpApi(routes: readonly Route[], port: number): Promise<Gateway> {
  const compiled = routes.map(compile).sort((a, b) => a.order - b.order)
  return startGateway(
    'http-api',
    async (event) => {
      const { method } = event.requestContext.http
      const route = compiled.find(
        (each) => (each.method === 'ANY' || each.method === method) && each.path.test(event.rawPath),
      )
      return route ? answer(route, event) : refusal(404, 'Not Found')
    },
    port,
  )
}

function compile(route: Route): Compiled {
  if (route.routeKey === '$default') return { ...route, method: 'ANY', path: /^/, order: 3 }
  const [method = '', path = ''] = route.routeKey.split(' ')
  const source = path
    .replaceAll(/[.$^*()|[\]\\]/g, '\\$&')
    .replaceAll(/\{[^}]*\+\}/g, '.+')
    .replaceAll(/\{[^}]*\}/g, '[^/]+')
  const order = path.includes('+}') ? 2 : path.includes('{') ? 1 : 0
  return { ...route, method, path: new RegExp(`^${source}$`), order: order + (method === 'ANY' ? 0.5 : 0) }
}

async function answer(route: Route, event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const { routeKey } = route
  const routed = { ...event, routeKey, requestContext: { ...event.requestContext, routeKey } }
  const late = Promise.withResolvers<null>()
  const timer = setTimeout(() => late.resolve(null), route.timeoutMs)
  const outcome = await Promise.race([route.function.invoke(routed), late.promise])
  clearTimeout(timer)
  if (outcome === null) return refusal(503, 'Service Unavailable')
  if ('result' in outcome) return outcome.result as APIGatewayProxyStructuredResultV2
  const tooLarge = outcome.error.errorType === 'RequestEntityTooLargeException'
  return tooLarge ? refusal(413, 'Request Entity Too Large') : refusal(500, 'Internal Server Error')
}
