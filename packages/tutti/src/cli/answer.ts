/** An answer on the terminal: what was said, what it rests on, who said it and what it cost. */
import { relative, resolve } from 'node:path'
import { exitCode } from './exit-code.ts'
import { footer } from './finish.ts'
import type { Answer, CheckedCitation } from './flows.ts'
import { type Home, nextCommand } from './home.ts'
import { type Paint, paintFor, printable, wrap } from './paint.ts'
import type { RunPicture } from './picture.ts'
import { errorLines } from './say-error.ts'
import { modelsOf } from './show.ts'
import { columnsOf, printLine, type Terminal } from './terminal.ts'

const WIDEST_TEXT = 110
const LONGEST_QUOTE = 400
const MOST_LINES = 8

/** The answer and its citations on standard output, how it came about on standard error. */
export function printAnswer(terminal: Terminal, home: Home, answer: Answer, picture: RunPicture, root: string): void {
  const paint = paintFor(terminal.out)
  const columns = terminal.out.isTTY ? Math.min(columnsOf(terminal.out), WIDEST_TEXT) : columnsOf(terminal.out)
  const hasAnswer = answer.text.trim() !== ''
  if (hasAnswer)
    for (const line of answerLines(answer, paint, columns, (source) => relative(terminal.cwd, resolve(root, source)))) printLine(terminal.out, line)
  const dim = (line: string): void => printLine(terminal.err, paintFor(terminal.err)('dim', line))
  if (!hasAnswer) for (const line of errorLines(noAnswer(answer), paintFor(terminal.err))) printLine(terminal.err, line)
  printLine(terminal.err, '')
  const [answered] = modelsOf(picture).slice(-1)
  if (answered) dim(`${hasAnswer ? 'Answered' : 'Asked'}: ${answered.model}${answered.why ? ` (${answered.why})` : ''}`)
  dim(footer(picture))
  dim(nextCommand(home, 'show', picture.run))
}

export const exitCodeOfAnswer = ({ text }: Answer): number => (text.trim() === '' ? exitCode.noAnswer : exitCode.done)

const noAnswer = ({ corpus: { packages } }: Answer): { code: string; message: string; hint: string } => ({
  code: 'MODEL_NO_ANSWER',
  message:
    packages.length > 0
      ? `the documentation of the ${packages.length} packages that were searched does not hold an answer`
      : 'the documents do not hold an answer',
  hint: 'Ask with other words, or widen the search: --all for every installed package, --docs DIR for other documents.',
})

function answerLines({ text, citations }: Answer, paint: Paint, columns: number, pathOf: (source: string) => string): string[] {
  return [...wrap(printable(text.trim()), columns), '', ...citations.flatMap((citation, i) => citationLines(citation, i + 1, paint, columns, pathOf))]
}

function citationLines(citation: CheckedCitation, number: number, paint: Paint, columns: number, pathOf: (source: string) => string): string[] {
  const { quote, source, line, package: name, version, verified, why } = citation
  const of = name === undefined ? '' : `${name}@${version ?? '?'}  `
  const mark = verified ? paint('green', '✓ verified') : paint('red', `✗ not verified: ${printable(why ?? '')}`)
  const head = `${paint('bold', `[${number}]`)} ${paint('cyan', `${of}${printable(pathOf(source))}${line === undefined ? '' : `:${line}`}`)}  ${mark}`
  return [head, ...quoteLines(quote, columns - 4).map((each) => paint('dim', `    ${each}`))]
}

/** Code keeps its lines. */
function quoteLines(quote: string, columns: number): string[] {
  const text = printable(quote.trim())
  const lines = wrap(`“${text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text}”`, columns)
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'] : lines
}
