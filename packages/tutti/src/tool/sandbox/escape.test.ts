/**
 * What hostile code tries. Each case says what it must come to: an answer of its own, an error of its own, or a limit; and after all of them the process is as it was.
 */
import { afterAll, describe, expect, test } from 'vitest'
import type { TuttiError } from '../../errors/index.ts'
import { sandboxThreads } from '../sandbox-threads.ts'
import type { CodeEnd, Program, Told, Turn } from './turn.port.ts'

const limits = { cpuMs: 400, memoryBytes: 16 * 1024 * 1024, outputChars: 10_000 }
let session = -1
const turnsOf = (code: string, o: Partial<Program> = {}, told: readonly Told[] = []): Promise<readonly Turn[]> =>
  sandboxThreads.turns(
    { session: session--, program: { code, input: 'null', tools: ['find'], now: Date.UTC(2026, 0, 2), seed: 'seed', ...o }, limits, told },
    undefined,
  )
const endOf = async (code: string): Promise<CodeEnd | undefined> => (await turnsOf(code)).at(-1)?.end
const resultOf = async (code: string): Promise<unknown> => {
  const end = await endOf(code)
  if (!end?.ok) throw new Error(end ? end.says : 'it waits')
  return JSON.parse(end.value)
}
const over = (limit: string) => ({ code: 'TOOL_CODE_LIMIT', data: { limit } })

afterAll(() => sandboxThreads.close())

describe('nothing of the host is reachable', () => {
  test('[T7] there is no process, no require, no fetch, no timer, no module and no memory that is shared', async () => {
    const names = [
      'process',
      'require',
      'fetch',
      'Buffer',
      'setTimeout',
      'setImmediate',
      'queueMicrotask',
      'WebAssembly',
      'Worker',
      'Atomics',
      'SharedArrayBuffer',
      'performance',
      'std',
      'os',
    ]
    expect(await resultOf(`return ${JSON.stringify(names)}.filter((name) => name in globalThis)`)).toEqual([])
    for (const specifier of ['fs', 'node:fs', 'os', 'data:text/javascript,export default 1'])
      expect(await endOf(`return await import(${JSON.stringify(specifier)})`)).toMatchObject({
        ok: false,
        says: expect.stringContaining('could not load module'),
      })
  })

  test('[T7] functions made from text stand in the sandbox too', async () => {
    const made = await resultOf(`
      const makers = [Function, (async () => {}).constructor, (function* () {}).constructor, tools.find.constructor, console.log.constructor]
      return [eval('typeof process'), (0, eval)('typeof require'), ...makers.map((make) => { try { return String(make('return typeof process')().next?.().value ?? typeof globalThis.process) } catch (e) { return e.name } })]`)
    expect(made).toEqual(['undefined', 'undefined', 'undefined', 'undefined', 'undefined', 'undefined', 'undefined'])
    expect(await resultOf('return Object.getOwnPropertyNames(tools.find.constructor("return this")()).includes("process")')).toBe(false)
  })

  test('[T7] what is done to prototypes inside stays inside, and changes no call that comes out', async () => {
    const [turn] = await turnsOf(`
      Object.prototype.polluted = 1
      Array.prototype.push = () => 0
      JSON.stringify = () => '{"id":"stolen"}'
      String.prototype.slice = () => { throw 1 }
      Array.prototype[Symbol.iterator] = () => { throw 1 }
      await tools.find({ id: '17', __proto__: { x: 1 }, ['__proto__']: { polluted: 2 } })`)
    expect(turn?.calls).toMatchObject([{ id: 1, tool: 'find' }])
    const input = JSON.parse(turn?.calls[0]?.input ?? '') as object
    expect(input).toHaveProperty('id', '17')
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(input)).toBe(Object.prototype)
  })

  test('[T7] one program leaves nothing for the next in the same thread', async () => {
    await resultOf('globalThis.left = 1; Array.prototype.left = 2; return 1')
    expect(await resultOf('return [typeof left, typeof [].left]')).toEqual(['undefined', 'undefined'])
  })

  test('[T7] code that closes its own function early is still in the sandbox', async () => {
    expect(await endOf('})(); throw new Proxy({}, { get() { throw 1 } }); (async () => {')).toMatchObject({ ok: false })
    expect(await endOf('}); globalThis.x = typeof process; (async () => { return globalThis.x')).toEqual({ ok: true, value: '"undefined"' })
  })
})

describe('limits', () => {
  const endless = {
    'a loop': 'while (true) {}',
    'a loop that catches': 'for (;;) try { while (true) {} } catch {} finally { continue }',
    'promises that go on for ever': 'const on = () => { Promise.resolve().then(on) }; on(); await new Promise(() => {})',
    'a generator without end': 'for (const _ of (function* () { for (;;) yield 1 })());',
    'a pattern that backtracks': 'return /(a+)+$/.test("a".repeat(50) + "b")',
    'an error whose message is never read to its end': 'throw { get message() { for (;;); } }',
    'a result that is never written to its end': 'return { toJSON() { for (;;); } }',
    'a thenable that never stops': 'return { then(go) { for (;;); } }',
    'logging without end': 'for (;;) console.log("x".repeat(1e5))',
    'a recursion that catches itself': '(function f() { try { f() } catch { f() } })()',
    'one operation that takes for ever': 'return String(2n ** 1_000_000n).length',
  }
  test.each(Object.entries(endless))('[T7] %s ends at the limit of time', async (_, code) => {
    await expect(turnsOf(code)).rejects.toMatchObject(over('time'))
  })

  const chain = 'const on = () => Promise.resolve().then(on); on(); await new Promise(() => {})'
  test('[T7] promises that each wait for the next end at a limit, or fail inside so that the code waits for nothing', async () => {
    const end = await turnsOf(chain).catch(({ code, data }: TuttiError) => ({ code, data }))
    expect([[{ calls: [], logs: [] }], over('time'), over('memory')]).toContainEqual(end)
  })
  test('[T7] a promise for which there is no memory left to be rejected is the limit of memory', async () => {
    const program = { code: chain, input: 'null', tools: [], now: 0, seed: 'seed' }
    // Whether memory ends in the code or in a job of the machine is a matter of a few KB; of a dozen sizes some meet the job.
    const sizes = Array.from({ length: 12 }, (_, i) => (900 + i * 5) * 1024)
    const ends = sizes.map((memoryBytes) => {
      const turns = sandboxThreads.turns({ session: session--, program, limits: { ...limits, memoryBytes }, told: [] }, undefined)
      return turns.then(
        () => 'waits for nothing',
        ({ data }: { data?: { limit?: string } }) => data?.limit,
      )
    })
    expect(await Promise.all(ends)).toContain('memory')
  })

  const bombs = {
    'an array that grows': 'const a = []; for (;;) a.push(new Uint8Array(1e6))',
    'a text that doubles': 'let s = "x"; for (;;) s += s',
    'one great array': 'return new Uint8Array(1e9).length',
    'an endless recursion': 'return (function f() { return f() })()',
    'a pattern that is too deep': 'return new RegExp("(?:".repeat(5e4) + ")".repeat(5e4)).source.length',
    'JSON that is too deep': 'return JSON.parse("[".repeat(1e5) + "]".repeat(1e5)).length',
    'code that is too deep': 'return eval("(".repeat(1e5))',
    'a text repeated': 'return "x".repeat(2 ** 30).length',
  }
  test.each(Object.entries(bombs))('[T7] %s fails inside, or at a limit, and nowhere else', async (_, code) => {
    const end = await endOf(code).catch((error: { code: string }) => ({ ok: false, says: error.code }))
    expect(end).toMatchObject({
      ok: false,
      says: expect.stringMatching(/out of memory|too long|too large|stack overflow|invalid (string|array)|TOOL_CODE_LIMIT/),
    })
  })

  test('[T7] code that asks for too much memory is told so, and may go on with less', async () => {
    const tries = await resultOf('return [4e6, 20e6, 4e6].map((size) => { try { return new Uint8Array(size).length } catch (e) { return e.message } })')
    expect(tries).toEqual([4e6, 'out of memory', 4e6])
  })

  test('[T7] a loop listens to its limit by itself: its thread need not be ended', async () => {
    let quickest = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3; i++) {
      const begun = performance.now()
      await expect(turnsOf('for (;;);')).rejects.toMatchObject(over('time'))
      quickest = Math.min(quickest, performance.now() - begun)
    }
    // A thread is ended 5 s after four times its limit.
    expect(quickest).toBeLessThan(limits.cpuMs * 4 + 4_000)
  })

  test('[T7] a result, an argument and a text of a log are cut off where they get too long, before they are copied', async () => {
    await expect(turnsOf('return "x".repeat(20_000)')).rejects.toMatchObject(over('output'))
    await expect(turnsOf('return Array.from({ length: 5_000 }, (_, i) => [i])')).rejects.toMatchObject(over('output'))
    await expect(turnsOf('await tools.find({ id: "x".repeat(20_000) })')).rejects.toMatchObject(over('output'))
    const [logged] = await turnsOf('for (let i = 0; i < 100; i++) console.log("x".repeat(9_000))')
    expect(logged?.logs.join('').length).toBeLessThan(limits.outputChars + 2_100)
    expect(logged?.logs.at(-1)).toBe('… (more was logged)')
  })

  test('[T7] the application goes on while code burns its time, and the sandbox works as before afterwards', async () => {
    let turns = 0
    const clock = setInterval(() => turns++, 20)
    await expect(turnsOf('while (true) {}')).rejects.toMatchObject(over('time'))
    clearInterval(clock)
    expect(turns).toBeGreaterThan(3)
    expect(await resultOf('return 6 * 7')).toBe(42)
  })

  test('[T7] code that is cancelled is ended at once, and so is the code that waits behind it', async () => {
    const stop = new AbortController()
    const program = { code: 'while (true) {}', input: 'null', tools: [], now: 0, seed: 's' }
    const codes = Array.from({ length: 8 }, () =>
      sandboxThreads.turns({ session: session--, program, limits: { ...limits, cpuMs: 60_000 }, told: [] }, stop.signal),
    )
    stop.abort(new Error('not wanted'))
    for (const { status, reason } of (await Promise.allSettled(codes)) as { status: string; reason?: Error }[])
      expect([status, reason?.message]).toEqual(['rejected', 'not wanted'])
    expect(await resultOf('return 1')).toBe(1)
  })
})

describe('what comes out', () => {
  test('[T7] values are JSON: maps and sets as arrays, big integers as text, what is none of it as null', async () => {
    expect(await resultOf('return [new Map([[1, 2]]), new Set([3]), 4n, undefined, Symbol("x"), () => 1, NaN, new Date(0)]')).toEqual([
      [[1, 2]],
      [3],
      '4',
      null,
      null,
      null,
      null,
      '1970-01-01T00:00:00.000Z',
    ])
    expect(await resultOf('1')).toBeNull()
  })

  test('[T7] an error says what, and in which line of the code', async () => {
    expect(await endOf('const a = null\n\nreturn a.b')).toEqual({ ok: false, says: "TypeError: cannot read property 'b' of null (line 3)" })
    expect(await endOf('const a =')).toMatchObject({ ok: false, says: expect.stringMatching(/^SyntaxError: /) })
    expect(await endOf('return { get a() { throw new Error("no") } }')).toMatchObject({ ok: false, says: expect.stringContaining('Error: no') })
    expect(await endOf('throw { [Symbol.toPrimitive]() { throw 1 }, get name() { throw 2 }, toJSON() { throw 3 } }')).toEqual({
      ok: false,
      says: 'something was thrown that cannot be shown',
    })
  })

  test('[T7] TypeScript runs without its types; what is more than types is refused', async () => {
    expect(await resultOf('interface A { n: number }\nconst f = <T,>(a: T): T => a\nreturn (f<A>({ n: 3 }) satisfies A).n as number')).toBe(3)
    expect(await endOf('enum Color { Red }\nreturn Color.Red')).toMatchObject({ ok: false, says: expect.stringContaining('SyntaxError') })
  })

  test('[T7] the same code makes the same of its clock, its chance and its zone, wherever and whenever it runs', async () => {
    const code =
      'return [Date.now(), new Date().toISOString(), new Date(2020, 6, 1).toISOString(), new Date().getTimezoneOffset(), Math.random(), Math.random()]'
    const first = (await turnsOf(code)).at(-1)?.end
    expect((await turnsOf(code)).at(-1)?.end).toEqual(first)
    expect(first?.ok && JSON.parse(first.value).slice(0, 4)).toEqual([Date.UTC(2026, 0, 2), '2026-01-02T00:00:00.000Z', '2020-07-01T00:00:00.000Z', 0])
    expect((await turnsOf(code, { seed: 'another' })).at(-1)?.end).not.toEqual(first)
  })

  test('[T7] an isolate that is gone is played again to the same place', async () => {
    const code = 'const a = await tools.find({ n: 1 }); const b = await tools.find({ n: a + Math.random() }); return [a, b]'
    const told: Told[] = [{ id: 1, ok: true, value: '5' }]
    const [first, second] = await turnsOf(code, {}, told)
    expect(first?.calls).toEqual([{ id: 1, tool: 'find', input: '{"n":1}' }])
    const again = await turnsOf(code, {}, [...told, { id: 2, ok: true, value: '7' }])
    expect(again.slice(0, 2)).toEqual([first, second])
    expect(again[2]?.end).toEqual({ ok: true, value: '[5,7]' })
  })
})
