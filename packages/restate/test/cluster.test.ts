import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { restate } from '@tutti/restate'
import { sqlite, tutti } from 'tutti'
import { describe, expect, onTestFinished, test } from 'vitest'
import { balancer } from './balancer.ts'
import { freePorts, missingRestate, startRestate } from './restate-server.ts'
import { STEPS, stepsFlow } from './steps-flow.ts'

const RUNS = 40
const missing = missingRestate()

describe.skipIf(missing)(`Restate${missing ? ` (not run: ${missing})` : ''}`, () => {
  test('[S4] three nodes and two workers: one of each is killed, every run ends, and no step that was recorded is done again', {
    timeout: 180_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-cluster-'))
    const [store, log] = [join(folder, 'journal.db'), join(folder, 'log')]
    const server = await startRestate({ nodes: 3 })
    const ports = await freePorts(2)
    const lb = await balancer(ports)
    const workers: ChildProcess[] = []
    onTestFinished(async () => {
      for (const worker of workers) worker.kill('SIGKILL')
      await lb.close()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    const [first, second] = server.nodes as [(typeof server.nodes)[0], (typeof server.nodes)[0]]
    for (const port of ports) workers.push(await worker({ store, log, ingress: first.ingress, admin: first.admin, port, advertise: lb.url }))

    const steps = stepsFlow(log)
    // The client asks a node that is not killed.
    await using app = tutti({ flows: [steps], store: sqlite(store), engine: restate({ ingress: first.ingress, admin: first.admin }), resume: false })
    const handles = await Promise.all(Array.from({ length: RUNS }, (_, n) => app.start(steps, n)))
    const results = Promise.all(handles.map((handle) => handle.result()))
    await until(() => linesOf(log).length > (RUNS * STEPS) / 4)
    await second.kill()
    await until(() => linesOf(log).length > (RUNS * STEPS) / 2)
    workers[1]?.kill('SIGKILL')

    const outputs = (await results).map(({ output }) => output)
    const done = linesOf(log)
    const last = new Map(done.map((line) => [line.split(' ', 1)[0], line]))
    expect(outputs.map(({ n }) => n)).toEqual(handles.map((_, n) => n))
    const recorded = outputs.flatMap(({ lines }) => lines)
    expect(recorded).toHaveLength(RUNS * STEPS)
    // The result that a run holds is that of the last time its step was done: once it was recorded, it was not done again.
    expect(recorded.filter((line) => last.get(line.split(' ', 1)[0]) !== line)).toEqual([])
    for (const { id } of handles.slice(0, 5)) expect(await app.replay(id, steps)).toHaveProperty('output.lines.length', STEPS)
    process.stdout.write(
      `three nodes: ${RUNS} runs × ${STEPS} steps, ${done.length - recorded.length} in flight done again, longest stall ${longestStall(done)} ms\n`,
    )
  })
})

const linesOf = (log: string): readonly string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)

function longestStall(lines: readonly string[]): number {
  const times = lines.map((line) => Number(line.split(' ')[2])).sort((a, b) => a - b)
  return Math.max(...times.slice(1).map((time, i) => time - (times[i] as number)))
}

async function worker(of: Record<string, unknown>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('worker.ts', import.meta.url))], {
    env: { ...process.env, WORKER: JSON.stringify(of) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)))
  })
  return child
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await later(20)
}
