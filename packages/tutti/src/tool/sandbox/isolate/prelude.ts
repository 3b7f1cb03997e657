/**
 * The first code that runs in an isolate. It holds on to what it needs of the language before other code can change it, and gives that code its surroundings: `tools`,
 * `input`, `console`, a seeded `Math.random`. Everything that leaves goes through `send`, as text.
 *
 * It is text and not a function of this module: it must mean the same whatever a bundler does to the sources.
 */
export const prelude = String.raw`(send, seed, names, input, most) => {
  'use strict'
  const { parse, stringify } = JSON
  const { Map: M, Set: S, Promise: P, Error: E, String: text } = globalThis
  const { freeze, create } = Object
  const slice = (value, n) => { const s = text(value); let cut = ''; for (let i = 0; i < s.length && i < n; i++) cut += s[i]; return cut }
  const plain = (_, value) => typeof value === 'bigint' ? text(value) : value instanceof M ? [...value] : value instanceof S ? [...value] : value
  const json = (value) => { const made = stringify(value, plain); return made === undefined ? 'null' : made }
  const show = (value) => { try { return typeof value === 'string' ? value : value instanceof E ? says(value) : json(value) } catch { return '[not shown]' } }
  const says = (thrown) => {
    try {
      if (!(thrown instanceof E)) return slice(typeof thrown === 'string' ? thrown : json(thrown), 2000)
      const at = /code:(\d+)/.exec(text(thrown.stack))
      return slice(text(thrown.name) + ': ' + text(thrown.message), 2000) + (at ? ' (line ' + at[1] + ')' : '')
    } catch { return 'something was thrown that cannot be shown' }
  }

  for (const gone of ['WeakRef', 'FinalizationRegistry', 'SharedArrayBuffer', 'Atomics']) delete globalThis[gone]
  let [a, b, c, d] = seed
  Math.random = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0; a = b ^ (b >>> 9); b = (c + (c << 3)) | 0; c = ((c << 21) | (c >>> 11)) + t | 0
    return (t >>> 0) / 4294967296
  }
  const log = (...values) => { let line = ''; for (let i = 0; i < values.length; i++) line += (i ? ' ' : '') + show(values[i]); send('log', slice(line, 2001)) }
  globalThis.console = freeze({ log, info: log, warn: log, error: log, debug: log })

  const waiting = create(null)
  let last = 0
  const tools = create(null)
  for (const name of names) tools[name] = (given) => new P((resolve, reject) => {
    const made = given === undefined ? '{}' : json(given)
    const id = ++last
    waiting[id] = [resolve, reject]
    send('call', stringify([id, name]), made)
  })
  globalThis.tools = freeze(tools)
  globalThis.input = parse(input)

  const begin = async (main) => {
    let made, failed
    try { made = json(await main()) } catch (thrown) { failed = says(thrown) }
    if (failed === undefined && made.length > most) send('over', 'output')
    else if (failed === undefined) send('returned', made)
    else send('threw', failed)
  }
  const tell = (id, ok, value) => {
    const one = waiting[id]
    delete waiting[id]
    if (ok) one[0](parse(value))
    else { const error = new E(parse(value)); error.name = 'ToolError'; one[1](error) }
  }
  return [begin, tell, (thrown) => send('threw', says(thrown))]
}`
