/**
 * The ONNX runtime: `onnxruntime-node` where the user installed it (5 to 9 times as fast), else the WebAssembly build.
 * The published package carries the WebAssembly build in `dist/ort/`; in this repository it comes from node_modules.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { InferenceSession, TensorConstructor } from 'onnxruntime-web'
import type { RuntimeName } from './protocol.ts'

export interface Runtime {
  readonly name: RuntimeName
  readonly Tensor: TensorConstructor
  open(weights: Uint8Array): Promise<InferenceSession>
}

type Ort = typeof import('onnxruntime-web')

/** Half of the cores, at most 4: the rest belongs to the application. */
export const defaultThreads = (): number => Math.min(4, Math.ceil(availableParallelism() / 2))

/** `only` leaves no choice, for tests and measurements. */
export async function loadRuntime(threads: number, only?: RuntimeName): Promise<Runtime> {
  const native = only === 'onnxruntime-web' ? undefined : await loadNative()
  if (native) return runtimeOf('onnxruntime-node', native, threads)
  if (only === 'onnxruntime-node') throw new Error('onnxruntime-node is not installed')
  const ort = await loadWasm()
  ort.env.wasm.numThreads = threads
  return runtimeOf('onnxruntime-web', ort, threads)
}

function runtimeOf(name: RuntimeName, ort: Ort, threads: number): Runtime {
  const options = { graphOptimizationLevel: 'all', intraOpNumThreads: threads, logSeverityLevel: 3 } as const
  return { name, Tensor: ort.Tensor, open: (weights) => ort.InferenceSession.create(weights, options) }
}

/** Any failure counts as absent: a half-installed native runtime must not take the working one with it. */
async function loadNative(): Promise<Ort | undefined> {
  const optional: string = 'onnxruntime-node'
  try {
    const loaded = (await import(optional)) as Ort & { default?: Ort }
    return loaded.InferenceSession ? loaded : loaded.default
  } catch {
    return undefined
  }
}

async function loadWasm(): Promise<Ort> {
  const bundled = new URL('./ort/ort.node.min.mjs', import.meta.url)
  if (existsSync(bundled)) return (await import(bundled.href)) as Ort
  return import('onnxruntime-web')
}
