/** Any flow as a Mermaid flowchart: what it is made of, and what leads to what. A reading of its declaration; nothing runs. */
import { type AnyFlow, checkFlow, type FlowShape } from '../run/index.ts'

/**
 * The text of a Mermaid flowchart; a Markdown page on GitHub draws it in a fence called `mermaid`.
 * Code inside a `flow` is not looked at: it is one box.
 * @throws CONFIG_INVALID for what is no flow
 * @example console.log(mermaid(desk))
 */
export function mermaid(flow: AnyFlow): string {
  checkFlow('what mermaid() is to draw', flow)
  const drawing = new Drawing()
  drawing.part(flow, flow.name)
  return ['flowchart LR', ...drawing.lines.map((line) => `  ${line}`)].join('\n')
}

/** The ids of the boxes where a part is entered, and where it is left. */
interface Drawn {
  readonly ins: readonly string[]
  readonly outs: readonly string[]
}

class Drawing {
  readonly lines: string[] = []
  #count = 0

  part(flow: AnyFlow, name: string): Drawn {
    const { shape, kind } = flow['~flow']
    if (!shape) return this.#box(name, kind === 'agent' ? ['(["', '"])'] : ['["', '"]'])
    return this.#shape(shape, name, kind)
  }

  #box(name: string, [open, close]: readonly [string, string]): Drawn {
    const id = `n${++this.#count}`
    this.lines.push(`${id}${open}${escaped(name)}${close}`)
    return { ins: [id], outs: [id] }
  }

  #shape({ nodes, edges }: FlowShape, name: string, kind: string): Drawn {
    const group = `g${++this.#count}`
    this.lines.push(`subgraph ${group}["${escaped(kind === 'flow' ? name : `${name} (${kind})`)}"]`)
    const drawn = new Map(nodes.map((node) => [node.name, this.#node(node)]))
    const at = (node: string, side: 'ins' | 'outs'): readonly string[] => drawn.get(node)?.[side] ?? []
    for (const { from, to, says, dotted } of edges) {
      if (from === undefined || to === undefined) continue
      const arrow = `${dotted ? '-.->' : '-->'}${says === undefined ? '' : `|"${escaped(says)}"|`}`
      for (const a of at(from, 'outs')) for (const b of at(to, 'ins')) this.lines.push(`${a} ${arrow} ${b}`)
    }
    this.lines.push('end')
    return {
      ins: edges.flatMap(({ from, to }) => (from === undefined && to !== undefined ? at(to, 'ins') : [])),
      outs: edges.flatMap(({ from, to }) => (to === undefined && from !== undefined ? at(from, 'outs') : [])),
    }
  }

  #node({ name, part, chooses }: FlowShape['nodes'][number]): Drawn {
    return part ? this.part(part, name) : this.#box(name, chooses ? ['{"', '"}'] : ['["', '"]'])
  }
}

const escaped = (text: string): string => text.replaceAll('"', '#quot;')
