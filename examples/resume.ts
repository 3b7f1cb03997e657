// A process is killed in the middle of a run; the next one goes on where it stopped. No recorded step runs twice.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { flow, sqlite, tutti } from 'tutti'

const report = flow('report', async (chapters: number, run) => {
  const written: string[] = []
  for (let i = 1; i <= chapters; i++) {
    written.push(
      await run.step(`chapter ${i}`, i, async (n) => {
        console.log(`  writes chapter ${n} in process ${process.argv[2] ?? 'two'}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
        return `chapter ${n}`
      }),
    )
    // The first process dies here, as hard as a process can.
    if (process.argv[2] === 'one' && i === 2) process.kill(process.pid, 'SIGKILL')
  }
  return written
})

const store = '.tutti/resume.db'
if (process.argv[2] === 'one') {
  const app = tutti({ flows: [report], store: sqlite(store) })
  await app.run(report, 4, { id: 'report' })
} else {
  rmSync(store, { force: true })
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, 'one'], { stdio: 'inherit' })
  const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.on('exit', (...how) => resolve(how)))
  console.log(`process one ended: ${killedBy ?? code}`)

  await using app = tutti({ flows: [report], store: sqlite(store) })
  await app.resume('report') // at once; without it, when the lease of the dead process has run out
  const handle = await app.get('report', report)
  console.log((await handle?.result())?.output.join(', '))
}
