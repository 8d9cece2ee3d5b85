import type { aws_lambda as lambda } from 'aws-cdk-lib'
import {
  aws_certificatemanager as acm,
  aws_apigatewayv2 as gateway,
  aws_logs as logs,
  RemovalPolicy,
} from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export interface KckApiProps {
  /** The deployment's. */
  readonly name: string
  readonly fetch: lambda.IFunction
  readonly update: lambda.IFunction
  /** Requests of everybody together. */
  readonly throttle: { readonly perSecond: number; readonly burst: number }
  readonly domain?: { readonly name: string; readonly certificateArn: string } | undefined
  readonly accessLogs: boolean
  readonly logRetention: logs.RetentionDays
}

/** The updates have a function of their own, since it alone may write to the databases. */
const UPDATES = [
  { path: '/update/{proxy+}', methods: [gateway.HttpMethod.PUT, gateway.HttpMethod.POST] },
  { path: '/create/{proxy+}', methods: [gateway.HttpMethod.POST] },
]

/** Who may do what is decided in the functions, by the very code that decides it on a laptop. */
export class KckApi extends Construct {
  readonly apiId: string
  readonly url: string

  constructor(scope: Construct, id: string, props: KckApiProps) {
    super(scope, id)
    const { name, domain } = props
    const api = new gateway.HttpApi(this, 'Api', {
      apiName: name,
      createDefaultStage: false,
      disableExecuteApiEndpoint: domain !== undefined,
      defaultIntegration: new HttpLambdaIntegration('fetch', props.fetch),
    })
    const update = new HttpLambdaIntegration('update', props.update)
    for (const { path, methods } of UPDATES) api.addRoutes({ path, methods, integration: update })
    const domainName = domain && this.#domain(domain)
    api.addStage('Stage', {
      stageName: '$default',
      autoDeploy: true,
      detailedMetricsEnabled: false,
      throttle: { rateLimit: props.throttle.perSecond, burstLimit: props.throttle.burst },
      ...(domainName ? { domainMapping: { domainName } } : {}),
      ...(props.accessLogs ? { accessLogSettings: this.#accessLogs(name, props.logRetention) } : {}),
    })
    acknowledge(api, 'AwsSolutions', 'APIG4', 'The functions verify tokens, so that local and cloud decide alike')
    this.apiId = api.apiId
    this.url = domain ? `https://${domain.name}` : api.apiEndpoint
  }

  #domain({ name, certificateArn }: { readonly name: string; readonly certificateArn: string }): gateway.DomainName {
    const certificate = acm.Certificate.fromCertificateArn(this, 'Certificate', certificateArn)
    return new gateway.DomainName(this, 'Domain', { domainName: name, certificate })
  }

  #accessLogs(name: string, retention: logs.RetentionDays): gateway.IAccessLogSettings {
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/aws/apigateway/${name}`,
      retention,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const fields = {
      requestId: '$context.requestId',
      time: '$context.requestTime',
      ip: '$context.identity.sourceIp',
      method: '$context.httpMethod',
      path: '$context.path',
      status: '$context.status',
      bytes: '$context.responseLength',
      ms: '$context.responseLatency',
      functionMs: '$context.integrationLatency',
      error: '$context.error.message',
    }
    return {
      destination: new gateway.LogGroupLogDestination(logGroup),
      format: AccessLogFormat.custom(JSON.stringify(fields)),
    }
  }
}
