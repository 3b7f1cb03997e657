/** A team as it is drawn: who may speak after whom. */
import type { AnyFlow, FlowShape } from '../run/index.ts'
import type { TeamStyle } from './style.ts'

export function shapeOf(o: TeamStyle, members: readonly AnyFlow[]): FlowShape {
  const nodes = members.map((part) => ({ name: part.name, part }))
  const names = members.map(({ name }) => name)
  switch (o.style) {
    case 'handoff': {
      const ways = names.flatMap((from) => names.filter((to) => to !== from && (o.handoffs?.[from]?.includes(to) ?? true)).map((to) => ({ from, to })))
      return { nodes, edges: [{ to: o.start ?? names[0] }, ...ways.map((way) => ({ ...way, dotted: true })), ...names.map((from) => ({ from }))] }
    }
    case 'chat': {
      const lead = { name: 'next', chooses: true }
      return {
        nodes: [lead, ...nodes],
        edges: [
          { to: 'next' },
          ...names.flatMap((name) => [
            { from: 'next', to: name },
            { from: name, to: 'next' },
          ]),
          { from: 'next' },
        ],
      }
    }
    case 'magentic': {
      const lead = { name: 'manager' }
      return {
        nodes: [lead, ...nodes],
        edges: [
          { to: 'manager' },
          ...names.flatMap((name) => [
            { from: 'manager', to: name },
            { from: name, to: 'manager' },
          ]),
          { from: 'manager' },
        ],
      }
    }
    case 'debate': {
      const judge = o.judge as AnyFlow
      return {
        nodes: [...nodes, { name: 'judge', part: judge }],
        edges: [...names.flatMap((name) => [{ to: name }, { from: name, to: 'judge' }]), { from: 'judge' }],
      }
    }
    case 'vote':
      return { nodes: [...nodes, { name: 'votes' }], edges: [...names.flatMap((name) => [{ to: name }, { from: name, to: 'votes' }]), { from: 'votes' }] }
  }
}
