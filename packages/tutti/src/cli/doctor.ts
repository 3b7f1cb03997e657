import { exitCode } from './exit-code.ts'
import type { Finding } from './finding.port.ts'
import { findings } from './finding.ts'
import { homeOf } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { type Paint, pad, paintFor } from './paint.ts'
import { plural } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

/** `tutti doctor`: what works here, what does not, and what to do about it. Exit code 1 when something does not. */
export async function doctor(terminal: Terminal, o: CommonOptions & AppFileOptions): Promise<number> {
  const found = await findings(terminal, homeOf(terminal, o), o)
  const problems = found.filter(({ state }) => state === 'problem')
  if (o.json) {
    printJson(terminal.out, { ok: problems.length === 0, findings: found })
  } else {
    for (const line of lines(found, paintFor(terminal.out))) printLine(terminal.out, line)
    printLine(terminal.out, problems.length === 0 ? '\nAll is well.' : `\n${plural(problems.length, 'problem')}.`)
  }
  return problems.length === 0 ? exitCode.done : exitCode.failed
}

function lines(found: readonly Finding[], paint: Paint): string[] {
  const width = Math.max(...found.map(({ what }) => what.length))
  return found.flatMap(({ what, state, says, next }) => {
    const mark = state === 'fine' ? paint('green', '✓') : state === 'problem' ? paint('red', '✗') : paint('yellow', '–')
    const line = `${mark} ${paint('bold', pad(what, width))}  ${says}`
    return next === undefined ? [line] : [line, `  ${' '.repeat(width)}  → ${next}`]
  })
}
