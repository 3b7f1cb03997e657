import type { Json } from '../primitives/index.ts'

type Plain = null | undefined | boolean | number | string | bigint | Date | Uint8Array

/** What a step may return: JSON plus Date, Map, Set, bigint, bytes, undefined. Anything else is a compile error that names the place where it is used. */
export type Recorded<T> = unknown extends T
  ? T // any / unknown: checked when it is recorded
  : T extends Plain | Json
    ? T // also stops the recursion on JSON types
    : T extends (...args: never) => unknown
      ? NotRecordable<'a function'>
      : T extends symbol
        ? NotRecordable<'a symbol'>
        : T extends PromiseLike<unknown>
          ? NotRecordable<'a promise'>
          : T extends Map<infer K, infer V>
            ? Map<Recorded<K>, Recorded<V>>
            : T extends Set<infer V>
              ? Set<Recorded<V>>
              : T extends object
                ? { [K in keyof T]: Recorded<T[K]> }
                : T

interface NotRecordable<Why extends string> {
  readonly RUN_NOT_RECORDABLE: Why
}
