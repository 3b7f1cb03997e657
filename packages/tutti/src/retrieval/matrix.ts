import type { Hit } from './fusion.ts'

/**
 * Vectors of one partition in memory, one row a chunk, and brute-force search over them: exact, 9 ms for 20,000 rows of 384 and about 0.1 s for 100,000.
 * Rows are unit vectors, so the dot product is the cosine.
 */
export class VectorMatrix {
  readonly dimensions: number
  #rows: Float32Array
  #ids: number[] = []

  constructor(dimensions: number, capacity = 64) {
    this.dimensions = dimensions
    this.#rows = new Float32Array(dimensions * Math.max(1, capacity))
  }

  get size(): number {
    return this.#ids.length
  }

  add(id: number, vector: Float32Array): void {
    const at = this.#ids.length * this.dimensions
    if (at + this.dimensions > this.#rows.length) {
      const grown = new Float32Array(this.#rows.length * 2)
      grown.set(this.#rows)
      this.#rows = grown
    }
    this.#rows.set(vector, at)
    this.#ids.push(id)
  }

  /** The `top` rows nearest to `query`, best first, ties by id; only those that `allowed` holds, when it is given. */
  nearest(query: Float32Array, top: number, allowed?: ReadonlySet<number>): Hit[] {
    const best: Hit[] = []
    let worst = -Infinity
    for (let row = 0; row < this.#ids.length; row++) {
      const id = this.#ids[row] as number
      if (allowed && !allowed.has(id)) continue
      const score = this.#dot(query, row * this.dimensions)
      if (best.length >= top && score <= worst) continue
      best.push({ id, score })
      if (best.length < top * 2) continue
      best.sort(byScore).length = top
      worst = best[top - 1]?.score ?? worst
    }
    return best.sort(byScore).slice(0, top)
  }

  /** Four sums side by side: the processor works on them at once. */
  #dot(query: Float32Array, from: number): number {
    const rows = this.#rows
    const length = this.dimensions
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    let i = 0
    for (; i + 3 < length; i += 4) {
      a += (query[i] as number) * (rows[from + i] as number)
      b += (query[i + 1] as number) * (rows[from + i + 1] as number)
      c += (query[i + 2] as number) * (rows[from + i + 2] as number)
      d += (query[i + 3] as number) * (rows[from + i + 3] as number)
    }
    for (; i < length; i++) a += (query[i] as number) * (rows[from + i] as number)
    return a + b + c + d
  }
}

const byScore = (a: Hit, b: Hit): number => b.score - a.score || a.id - b.id
