import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'tsdown'
import { libraryBuild } from '../../scripts/library-build.ts'

/** Of the 139 MB of onnxruntime-web, the three files that run a model on the processor in Node. */
const runtime = ['ort.node.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']
const from = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')))

export default defineConfig({
  ...libraryBuild(import.meta.dirname),
  copy: [
    { from: runtime.map((file) => join(from, file)), to: 'dist/ort' },
    { from: 'onnxruntime.license', to: 'dist/ort', rename: 'LICENSE' },
  ],
})
