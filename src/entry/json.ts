/** What JSON can say. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue }

/**
 * The JSON form of `T`: what a reader of a product gets, from whichever tier it comes. `Date` and `bigint` become
 * strings (ISO 8601, digits), `Uint8Array` base64, anything with `toJSON` what that returns.
 */
export type Json<T> = [JsonValue] extends [T]
  ? // Anything JSON can say (or any, unknown): taken apart, it would never end.
    JsonValue
  : T extends null | boolean | number | string
    ? T
    : T extends bigint | Date | Uint8Array
      ? string
      : T extends { toJSON(): infer J }
        ? Json<J>
        : T extends (...args: never[]) => unknown
          ? never
          : T extends readonly (infer _)[]
            ? { [I in keyof T]: Json<T[I]> }
            : T extends object
              ? { [K in keyof T]: Json<T[K]> }
              : T extends undefined
                ? undefined
                : JsonValue
