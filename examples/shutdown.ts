// A process is asked to end in the middle of a run, as a deploy or Ctrl-C does it: the step under way finishes and is recorded, and the next process goes on.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { flow, sqlite, TuttiError, tutti } from 'tutti'

const report = flow('report', async (topic: string, run) => {
  const plan = await run.step('plan', topic, async (about) => {
    if (process.argv[2] === 'one') process.kill(process.pid, 'SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 100))
    console.log(`  planned in process ${process.argv[2] ?? 'two'}`)
    return `a plan for ${about}`
  })
  await run.sleep('overnight', '500ms')
  return run.step('write', plan, (from) => {
    console.log(`  written in process ${process.argv[2] ?? 'two'}`)
    return `written by ${from}`
  })
})

const store = '.tutti/shutdown.db'
if (process.argv[2] === 'one') {
  const app = tutti({ flows: [report], store: sqlite(store) })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => app.close({ graceMs: 10_000 }))

  try {
    const { output } = await app.run(report, 'tea', { id: 'report' })
    console.log(output)
  } catch (error) {
    if (!TuttiError.is(error, 'ENGINE_CLOSED')) throw error
    console.log('closed before the run had ended: the next process goes on with it')
  } finally {
    await app.close()
  }
} else {
  rmSync(store, { force: true })
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, 'one'], { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  console.log(`process one ended with ${code}`)

  await using app = tutti({ flows: [report], store: sqlite(store) })
  const handle = await app.get('report', report)
  console.log((await handle?.result())?.output)
}
