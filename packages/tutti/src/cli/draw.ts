import { TuttiError } from '../errors/index.ts'
import { mermaid } from '../flow/index.ts'
import { flowsOf } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

interface DrawOptions extends CommonOptions, AppFileOptions {
  readonly mermaid?: boolean | undefined
}

/** `tutti flows [NAME]`: the flows of a module, with what each is made of; as Mermaid flowcharts with `--mermaid`. Reads declarations: nothing runs. @throws CONFIG_USAGE */
export async function flows(terminal: Terminal, name: string | undefined, o: DrawOptions): Promise<number> {
  if (o.app === undefined) throw new TuttiError('CONFIG_USAGE', 'whose flows?', { hint: 'Name the module that exports them: npx tutti flows --app app.ts' })
  const all = await flowsOf(o.app, terminal.cwd)
  const wanted = name === undefined ? all : all.filter((flow) => flow.name === name)
  if (wanted.length === 0) {
    const there = all.map((flow) => flow.name).join(', ')
    throw new TuttiError('CONFIG_FLOW_UNKNOWN', `${o.app} exports no flow '${name}'`, { hint: `It exports: ${there}` })
  }
  const listed = wanted.map((flow) => ({
    name: flow.name,
    version: flow.version,
    kind: flow['~flow'].kind,
    parts: flow['~flow'].parts.map((part) => part.name),
    ...(flow.description === undefined ? {} : { description: flow.description }),
    ...(o.mermaid ? { mermaid: mermaid(flow) } : {}),
  }))
  if (o.json) printJson(terminal.out, { flows: listed })
  else if (o.mermaid) printLine(terminal.out, listed.map(({ mermaid: drawing }) => drawing).join('\n\n'))
  else
    for (const { parts, ...flow } of listed)
      printLine(terminal.out, `${flow.name}  ${flow.kind}, version ${flow.version}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`)
  return exitCode.done
}
