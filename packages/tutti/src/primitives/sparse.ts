/** Maps and sets of which most stay empty: there are a dozen in every run, and a thousand runs in a process. Each is made when something is first put into it. */

export class SparseMap<K, V> implements ReadonlyMap<K, V> {
  #map: Map<K, V> | undefined

  get size(): number {
    return this.#map?.size ?? 0
  }
  get(key: K): V | undefined {
    return this.#map?.get(key)
  }
  has(key: K): boolean {
    return this.#map?.has(key) ?? false
  }
  set(key: K, value: V): this {
    this.#map ??= new Map()
    this.#map.set(key, value)
    return this
  }
  delete(key: K): boolean {
    return this.#map?.delete(key) ?? false
  }
  clear(): void {
    this.#map = undefined
  }
  forEach(see: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) see(value, key, this)
  }
  entries(): MapIterator<[K, V]> {
    return this.#there.entries()
  }
  keys(): MapIterator<K> {
    return this.#there.keys()
  }
  values(): MapIterator<V> {
    return this.#there.values()
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#there.entries()
  }

  get #there(): ReadonlyMap<K, V> {
    return this.#map ?? (empty as ReadonlyMap<K, V>)
  }
}

export class SparseSet<T> implements Iterable<T> {
  #set: Set<T> | undefined

  get size(): number {
    return this.#set?.size ?? 0
  }
  has(item: T): boolean {
    return this.#set?.has(item) ?? false
  }
  add(item: T): this {
    this.#set ??= new Set()
    this.#set.add(item)
    return this
  }
  delete(item: T): boolean {
    return this.#set?.delete(item) ?? false
  }
  [Symbol.iterator](): Iterator<T> {
    return (this.#set ?? (nothing as ReadonlySet<T>))[Symbol.iterator]()
  }
}

const empty: ReadonlyMap<unknown, unknown> = new Map()
const nothing: ReadonlySet<unknown> = new Set()
