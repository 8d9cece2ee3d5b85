import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Resource {
  readonly id: string
  readonly stack: string
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever shape CloudFormation gives this type.
  readonly properties: any
}

/** What a resource is known by once it exists: what `Ref` gives, and `Fn::GetAtt`. */
export interface Identity {
  readonly ref: string
  readonly attributes: Readonly<Record<string, string>>
}

interface Template {
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>>
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>
}

interface Manifest {
  readonly artifacts: Readonly<
    Record<string, { readonly type: string; readonly properties?: { templateFile?: string; stackName?: string } }>
  >
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '123456789012',
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
}

/** The templates of a synthesized app, and what their intrinsic functions come to. */
export class Templates {
  readonly folder: string
  readonly resources: readonly Resource[]
  readonly #templates: ReadonlyMap<string, Template>
  readonly #identities = new Map<string, Identity>()

  constructor(folder: string) {
    this.folder = folder
    const { artifacts } = readJson<Manifest>(join(folder, 'manifest.json'))
    this.#templates = new Map(
      Object.entries(artifacts).flatMap(([id, { type, properties }]) =>
        type === 'aws:cloudformation:stack' && properties?.templateFile
          ? [[properties.stackName ?? id, readJson<Template>(join(folder, properties.templateFile))]]
          : [],
      ),
    )
    this.resources = [...this.#templates].flatMap(([stack, { Resources = {} }]) =>
      Object.entries(Resources).map(([id, { Type, Properties = {} }]) => ({
        id,
        stack,
        type: Type,
        properties: Properties,
      })),
    )
  }

  ofType(type: string): readonly Resource[] {
    return this.resources.filter((resource) => resource.type === type)
  }

  /** From now on the resource exists. */
  identify(resource: Resource, identity: Identity): void {
    this.#identities.set(`${resource.stack}/${resource.id}`, identity)
  }

  /** The properties with everything in them resolved. */
  // biome-ignore lint/suspicious/noExplicitAny: see `Resource`.
  resolved({ stack, properties }: Resource): any {
    return this.#resolve(properties, stack)
  }

  #resolve(value: unknown, stack: string): unknown {
    if (Array.isArray(value))
      return value.map((item) => this.#resolve(item, stack)).filter((item) => item !== undefined)
    if (typeof value !== 'object' || value === null) return value
    const [[name, argument] = ['', null], ...more] = Object.entries(value)
    if (more.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))) return this.#intrinsic(name, argument, stack)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#resolve(item, stack)]))
  }

  #intrinsic(name: string, argument: unknown, stack: string): unknown {
    switch (name) {
      case 'Ref':
        return this.#ref(String(argument), stack)
      case 'Fn::GetAtt': {
        const [id = '', ...attribute] = Array.isArray(argument) ? argument : String(argument).split('.')
        return this.#attribute(id, attribute.join('.'), stack)
      }
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown[]]
        return (this.#resolve(parts, stack) as string[]).join(separator)
      }
      case 'Fn::Select': {
        const [index, items] = this.#resolve(argument, stack) as [number | string, unknown[]]
        return items[Number(index)]
      }
      case 'Fn::Split': {
        const [separator, text] = this.#resolve(argument, stack) as [string, string]
        return text.split(separator)
      }
      case 'Fn::Sub':
        return this.#sub(argument, stack)
      case 'Fn::GetStackOutput': {
        const { StackName, OutputName } = argument as { StackName: string; OutputName: string }
        return this.#resolve(this.#templates.get(StackName)?.Outputs?.[OutputName]?.Value, StackName)
      }
      case 'Fn::ImportValue':
        return this.#imported(this.#resolve(argument, stack))
      default:
        return { [name]: this.#resolve(argument, stack) }
    }
  }

  #sub(argument: unknown, stack: string): string {
    const [text, values] = (Array.isArray(argument) ? argument : [argument, {}]) as [string, Record<string, unknown>]
    return text.replaceAll(/\$\{([\w:.]+)\}/g, (_, name: string) => {
      if (name in values) return String(this.#resolve(values[name], stack))
      const [id = '', ...attribute] = name.split('.')
      return attribute.length > 0 ? this.#attribute(id, attribute.join('.'), stack) : String(this.#ref(id, stack))
    })
  }

  #imported(name: unknown): unknown {
    for (const [stack, { Outputs = {} }] of this.#templates) {
      const output = Object.values(Outputs).find(({ Export }) => Export && this.#resolve(Export.Name, stack) === name)
      if (output) return this.#resolve(output.Value, stack)
    }
    return undefined
  }

  #ref(id: string, stack: string): unknown {
    if (id === 'AWS::NoValue') return undefined
    if (id === 'AWS::StackName') return stack
    const parameter = this.#templates.get(stack)?.Parameters?.[id]
    if (parameter) return parameter.Default
    return PSEUDO[id] ?? this.#identities.get(`${stack}/${id}`)?.ref ?? id
  }

  #attribute(id: string, name: string, stack: string): string {
    const identity = this.#identities.get(`${stack}/${id}`)
    return identity?.attributes[name] ?? `arn:aws:none:eu-central-1:123456789012:${id}`
  }
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}
