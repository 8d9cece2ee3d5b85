export { createRemoteFetcher, type RemoteFetcher, type RemoteFetcherOptions } from './adapters/http/remote.ts'
export { defineConfig, type KckConfig } from './config/config.ts'
export type { Json, JsonValue } from './entry/json.ts'
export { type ErrorCode, KckError, type KckErrorOptions } from './errors.ts'
export { type KckEvent, subscribe } from './events.ts'
export type { ParametersOf, ParameterType, ParameterTypes } from './key/parameter.ts'
export { boolean, date, float, int, type ParameterOptions, uuid } from './key/scalar-types.ts'
export { type SchemaOptions, schema } from './key/schema-type.ts'
export { oneOf, string } from './key/string-types.ts'
export type {
  Access,
  Change,
  Claims,
  ComputeContext,
  Delta,
  Hook,
  HookEvent,
  Primer,
  PrimerHooks,
} from './primer/definition.ts'
export type { Duration } from './primer/duration.ts'
export { type PrimerOptions, primer } from './primer/primer.ts'
export { defineProcess, type Process, type ProcessContext, type ProcessOptions } from './process/define-process.ts'
export type {
  Coalesce,
  Overlay,
  OverlayWrite,
  UpdateContext,
  UpdateEvent,
  Updater,
  UpdaterHooks,
} from './updater/definition.ts'
export { type UpdaterOptions, updater } from './updater/updater.ts'
