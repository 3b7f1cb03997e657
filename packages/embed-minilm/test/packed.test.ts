/** The package as its users get it: the tarball of release/ (`npm run build`), installed from the registry into an empty folder. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmptyFolder, emptyFolderWith } from '../../../scripts/empty-folder.ts'

const program = `
import { embedder } from '@tutti/embed-minilm'

const minilm = await embedder({ runtime: 'onnxruntime-web' })
const [cat, kitten, invoice] = await minilm.embed(['a cat', 'a kitten', 'an unpaid invoice'])
const nearness = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0)
console.log(JSON.stringify({ runtime: minilm.runtime, dimensions: cat.length, nearer: nearness(cat, kitten) > nearness(cat, invoice) }))
await minilm.close()
`

let folder: EmptyFolder
beforeAll(() => {
  folder = emptyFolderWith(join(import.meta.dirname, '../release'))
  folder.write('program.js', program)
}, 180_000)
afterAll(() => folder[Symbol.dispose]())

describe('the packed embedding model', () => {
  it('embeds with the WebAssembly runtime it brings, where onnxruntime-web is not installed', () => {
    expect(existsSync(join(folder.path, 'node_modules/onnxruntime-web'))).toBe(false)
    expect(JSON.parse(folder.run('node', 'program.js'))).toEqual({ runtime: 'onnxruntime-web', dimensions: 384, nearer: true })
  }, 60_000)
})
