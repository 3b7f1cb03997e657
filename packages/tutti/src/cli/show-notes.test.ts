import { expect, test } from 'vitest'
import type { Entry, InboxMessage, RunHead, RunStatus } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import type { Home } from './home.ts'
import { RunPicture } from './picture.ts'
import { notesOf } from './show-notes.ts'

const NOW = 10_000_000
const at = { at: [0], fingerprint: 'f' }
const started = { type: 'run.started', format: 1, run: 'run_1', flow: 'desk', version: '1', scope: { tenant: 'acme' }, input: 1 }
const refusedAt = (key: string, id: string) => ({
  type: 'signal.refused',
  key,
  signal: 'go',
  id,
  value: 1,
  error: { code: 'RUN_INPUT_INVALID', message: 'no number' },
})
const usage = { usd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0, activeMs: 0 }

function notes(status: RunStatus, drafts: readonly object[], inbox: readonly object[] = []): readonly string[] {
  const entries = [started, ...drafts].map((draft, i) => ({ seq: i + 1, time: NOW - 60_000, ...draft }) as unknown as Entry)
  const picture = new RunPicture()
  for (const entry of entries) picture.take(entry)
  const head = { run: 'run_1' as RunId, status } as RunHead
  return notesOf(picture, head, entries, inbox as readonly InboxMessage[], { option: '' } as Home, NOW)
}

test('[O5] what a wait refused is shown when its run has ended too, and so is a signal that no wait took', () => {
  const waits = [{ type: 'signal.awaited', key: 'desk/go', signal: 'go', ...at }, refusedAt('desk/go', 'a')]
  expect(notes('waiting', waits)).toEqual([])
  const ended = [
    ...waits,
    { type: 'signal.received', key: 'desk/go', signal: 'go', id: 'b', value: 2 },
    { type: 'signal.received', signal: 'go', id: 'c', value: 3 },
  ]
  const late = { id: 'd', type: 'signal', signal: 'go', value: 4 }
  expect(notes('completed', [...ended, { type: 'run.completed', output: 1, usage }], [late])).toEqual([
    "signal 'go' (a) was refused at 'desk/go': no number",
    "signal 'go' (c) was taken by no wait",
    "signal 'go' (d) came too late",
  ])
})

test('[R9] a run that is to be cancelled or paused says so before anybody drives it, and one that is being cancelled while it is', () => {
  expect(notes('waiting', [], [{ id: 'a', type: 'cancel', reason: 'no more' }])).toEqual([expect.stringMatching(/^is to be cancelled: no more \(/)])
  expect(notes('running', [], [{ id: 'a', type: 'pause', reason: 'lunch' }])).toEqual([expect.stringMatching(/^is to be paused: lunch \(/)])
  expect(notes('running', [{ type: 'run.cancelling', reason: 'no more' }])).toEqual(['is being cancelled: no more'])
  expect(
    notes('cancelled', [
      { type: 'run.cancelling', reason: 'no more' },
      { type: 'run.cancelled', reason: 'no more', usage },
    ]),
  ).toEqual([])
})

test('[R8] a timer that nobody went on from says so, with what finds out why', () => {
  const timer = (fireAt: number) => ({ type: 'timer.set', key: 'desk/nap', fireAt, ...at })
  expect(notes('waiting', [timer(NOW - 20_000)])).toEqual([
    'was due 20.0 s ago, and nobody has gone on with it: `npx tutti resume run_1` does, or says why not',
  ])
  expect(notes('waiting', [timer(NOW - 5_000)])).toEqual([])
  expect(notes('suspended', [timer(NOW - 20_000)])).toEqual([])
  expect(notes('running', [timer(NOW - 20_000), { type: 'timer.fired', key: 'desk/nap' }])).toEqual([])
})
