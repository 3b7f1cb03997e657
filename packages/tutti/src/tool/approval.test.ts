import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { scripted } from '../testing/scripted.ts'
import { type TestApp, testing } from '../testing/testing.ts'
import { type ApprovalAnswer, tool, toolApproval } from './index.ts'

function refundDesk(approve: boolean | ((input: { usd: number }) => boolean) = true) {
  const execute = vi.fn(({ usd }: { usd: number }) => `refunded ${usd}`)
  const refund = tool({ name: 'refund', description: 'Refunds.', input: z.object({ usd: z.number() }), effect: 'once', approve, execute })
  return { desk: agent({ name: 'desk', tools: [refund] }), execute }
}
const script = (usd = 150) => scripted([{ call: 'refund', input: { usd } }, 'done'])
const toldIn = (app: TestApp): string => app.calls.at(-1)?.prompt.split('\ntool: ').at(-1) ?? ''

/** The run is left at its approval by one process, answered and finished by the next. */
async function answered(answer: ApprovalAnswer): Promise<{ told: string; execute: ReturnType<typeof vi.fn>; output: unknown }> {
  const { desk, execute } = refundDesk()
  const before = testing({ flows: [desk], model: script() })
  const handle = await before.start(desk, 'refund me')
  expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.approval', data: { tool: 'refund', input: { usd: 150 } } }] })
  await before.close({ graceMs: 0 })
  expect(execute).not.toHaveBeenCalled()

  await using app = testing({ flows: [desk], model: scripted(['done']), after: before })
  const again = await app.get(handle.id, desk)
  await again?.send(toolApproval, answer)
  const result = await again?.result()
  return { told: toldIn(app), execute, output: result?.output }
}

test('[T6] an approval that is given after a restart lets the call through as it was asked', async () => {
  const { told, execute, output } = await answered({ ok: true })
  expect([told, output]).toEqual(['refunded 150', 'done'])
  expect(execute.mock.calls[0]?.[0]).toEqual({ usd: 150 })
})

test('[T6] an approval may put other arguments in', async () => {
  const { told, execute } = await answered({ ok: true, input: { usd: 20 } })
  expect(told).toBe('refunded 20')
  expect(execute.mock.calls[0]?.[0]).toEqual({ usd: 20 })
})

test('[T6] arguments of a person that do not fit are refused: the run waits on, and says why', async () => {
  const { desk, execute } = refundDesk()
  await using app = testing({ flows: [desk], model: script() })
  const handle = await app.start(desk, 'refund me')
  await handle.outcome()
  await handle.send(toolApproval, { ok: true, input: { usd: 'all' } })
  const refused: string[] = []
  for await (const event of handle.events()) {
    if (event.type !== 'signal.refused') continue
    refused.push(event.error.message)
    await handle.send(toolApproval, { ok: true, input: { usd: 30 } })
    break
  }
  expect(refused).toEqual([expect.stringMatching(/the arguments do not fit: usd: .*number/)])
  expect((await handle.result()).output).toBe('done')
  expect(execute.mock.calls.map(([input]) => input)).toEqual([{ usd: 30 }])
})

test('[T6] a refusal tells the model why, and the tool is not called', async () => {
  const { told, execute, output } = await answered({ ok: false, why: 'too much' })
  expect([told, output]).toEqual(['Not approved: too much', 'done'])
  expect(execute).not.toHaveBeenCalled()
})

test('[T6] an approval that depends on the arguments is asked for only where it is needed', async () => {
  const { desk, execute } = refundDesk(({ usd }) => usd > 100)
  await using app = testing({ flows: [desk], model: script(99) })
  await app.run(desk, 'refund me')
  expect(execute).toHaveBeenCalledTimes(1)
})

test('[T6] two calls of one turn are approved each by its key', async () => {
  const { desk, execute } = refundDesk()
  const calls = [1, 2].map((usd) => ({ call: 'refund', input: { usd } }))
  await using app = testing({ flows: [desk], model: scripted([calls, 'done']) })
  const handle = await app.start(desk, 'refund me')
  const rest = await handle.outcome()
  const waits = rest.status === 'waiting' ? rest.for : []
  expect(waits.map(({ data }) => data)).toEqual([1, 2].map((usd) => ({ tool: 'refund', input: { usd } })))
  await handle.send(toolApproval, { ok: true }, { key: waits[1]?.key ?? '' })
  await handle.send(toolApproval, { ok: false }, { key: waits[0]?.key ?? '' })
  await handle.result()
  expect(execute.mock.calls.map(([input]) => input)).toEqual([{ usd: 2 }])
})

/** Three refunds one after the other; the first is answered so, and the run is gone on with by another process. Who was asked about, and what was paid. */
async function answeredAlways(answer: ApprovalAnswer): Promise<{ asked: readonly unknown[]; paid: readonly number[] }> {
  const { desk, execute } = refundDesk()
  const script = [150, 20, 150].map((usd) => ({ call: 'refund', input: { usd } }))
  const before = testing({ flows: [desk], model: scripted(script) })
  const handle = await before.start(desk, 'refund me')
  const asked: unknown[] = []
  const note = (rest: Awaited<ReturnType<typeof handle.outcome>>): boolean => {
    if (rest.status !== 'waiting') return false
    asked.push((rest.for[0]?.data as { input: unknown } | undefined)?.input)
    return true
  }
  note(await handle.outcome())
  await before.close({ graceMs: 0 })
  await using app = testing({ flows: [desk], model: scripted([...script.slice(1), 'done']), after: before })
  const again = await app.get(handle.id, desk)
  await again?.send(toolApproval, answer)
  while (again && note(await again.outcome())) await again.send(toolApproval, { ok: true })
  expect((await again?.outcome())?.status).toBe('completed')
  expect((await app.replay(handle.id, desk)).output).toBe('done')
  return { asked, paid: execute.mock.calls.map(([{ usd }]) => usd) }
}

test('[T6] "always" lets later calls of the tool in the run through, all of them or those with the same fields, over a restart and on replay', async () => {
  const paid = [150, 20, 150]
  expect(await answeredAlways({ ok: true })).toEqual({ asked: [{ usd: 150 }, { usd: 20 }, { usd: 150 }], paid })
  expect(await answeredAlways({ ok: true, always: true })).toEqual({ asked: [{ usd: 150 }], paid })
  expect(await answeredAlways({ ok: true, always: { usd: 150 } })).toEqual({ asked: [{ usd: 150 }, { usd: 20 }], paid })
})

test('[T6] "always" holds in its own run only, and goes with an approval', async () => {
  const { desk } = refundDesk()
  await using app = testing({ flows: [desk], model: scripted([{ call: 'refund', input: { usd: 1 } }, 'done', { call: 'refund', input: { usd: 1 } }, 'done']) })
  const first = await app.start(desk, 'refund me')
  await first.outcome()
  await expect(first.send(toolApproval, { ok: false, always: true })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
  await expect(first.send(toolApproval, { ok: true, always: ['usd'] as never })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
  await first.send(toolApproval, { ok: true, always: true })
  await first.result()
  expect(await (await app.start(desk, 'refund me')).outcome()).toMatchObject({ status: 'waiting' })
})

test('[T6] an answer that is none is refused where it is sent', async () => {
  const { desk } = refundDesk()
  await using app = testing({ flows: [desk], model: script() })
  const handle = await app.start(desk, 'refund me')
  await handle.outcome()
  await expect(handle.send(toolApproval, { approved: true } as never)).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
})
