/**
 * Centroids: where the examples of each branch lie, as one unit vector a branch (a nearest-centroid classifier), moved a little so that examples fall to their own branch.
 *
 * The means of the examples are the start. A few steps of softmax regression over cosines then push branches that are much alike apart (each example weighs as one of its branch,
 * so that a branch with many is not preferred). On CLINC150 with 20 examples an intent that is worth a point of accuracy, and costs the recognition of what is out of scope nothing:
 * `npm run bench -- routing`. The steps were chosen on its validation set.
 */
import { type Embedder, minilm } from '../retrieval/index.ts'

export interface Likeness {
  readonly branch: string
  /** The cosine, -1 to 1. */
  readonly score: number
}

const EPOCHS = 5
const STEP = 1
/** How much a difference of cosines counts: a tenth is a factor e. */
const SHARPNESS = 10
/** Less than that moves nothing that matters, and there are many branches that are far off. */
const NEGLIGIBLE = 0.002
/** Between so many examples the event loop has a turn. */
const AT_ONCE = 64

/** Made when they are first asked for, and again after a failure. */
export class Centroids {
  readonly #branches: readonly (readonly [name: string, examples: readonly string[]])[]
  readonly #given: Pick<Embedder, 'embed'> | undefined
  #made: Promise<readonly Float32Array[]> | undefined

  constructor(branches: readonly (readonly [name: string, examples: readonly string[]])[], embed: Pick<Embedder, 'embed'> | undefined) {
    this.#branches = branches
    this.#given = embed
  }

  /** All branches, the nearest first. */
  async nearest(question: string): Promise<readonly Likeness[]> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined
      throw error
    })
    const centroids = await this.#made
    const [vector] = await (await this.#embedder()).embed([question])
    return centroids
      .map((centroid, i) => ({ branch: this.#branches[i]?.[0] ?? '', score: round(dot(centroid, vector as Float32Array)) }))
      .sort((a, b) => b.score - a.score)
  }

  async #make(): Promise<readonly Float32Array[]> {
    const vectors = await (await this.#embedder()).embed(this.#branches.flatMap(([, examples]) => [...examples]))
    let at = 0
    const examples = this.#branches.map(([, { length }]) => {
      at += length
      return vectors.slice(at - length, at)
    })
    return apart(examples)
  }

  async #embedder(): Promise<Pick<Embedder, 'embed'>> {
    return this.#given ?? minilm()
  }
}

/** The centroids of the branches, from the examples of each. */
export async function apart(examples: readonly (readonly Float32Array[])[]): Promise<readonly Float32Array[]> {
  let centroids = examples.map((of) => unit(sumOf(of)))
  if (examples.length < 2) return centroids
  for (let epoch = 0; epoch < EPOCHS; epoch++) centroids = await step(centroids, examples)
  return centroids
}

/** One step down the gradient of how surprised the branches are by their examples. */
async function step(centroids: readonly Float32Array[], examples: readonly (readonly Float32Array[])[]): Promise<Float32Array[]> {
  const moved = centroids.map((centroid) => centroid.slice())
  let done = 0
  for (const [own, of] of examples.entries()) {
    for (const example of of) {
      const shares = softmax(centroids.map((centroid) => SHARPNESS * dot(centroid, example)))
      for (const [i, centroid] of moved.entries()) {
        const surprise = (i === own ? 1 : 0) - (shares[i] as number)
        if (Math.abs(surprise) >= NEGLIGIBLE) add(centroid, example, surprise * (STEP / of.length))
      }
      if (++done % AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  return moved.map(unit)
}

function softmax(values: readonly number[]): number[] {
  const most = Math.max(...values)
  const powers = values.map((value) => Math.exp(value - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}

function sumOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0)
  for (const vector of vectors) add(sum, vector, 1)
  return sum
}

function add(to: Float32Array, vector: Float32Array, times: number): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + (vector[i] as number) * times
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector)) || 1
  return vector.map((value) => value / length)
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** More digits than that say nothing, and differ between machines. */
const round = (score: number): number => Math.round(score * 10_000) / 10_000
