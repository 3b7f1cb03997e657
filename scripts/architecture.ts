/** `npm run architecture`: draws the rooms of packages/tutti/src and what they really import into ARCHITECTURE.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type IModule } from 'dependency-cruiser'
import { besideRooms, floors, testFile } from './floors.ts'
import { withBlock, writePage } from './page.ts'

const root = join(import.meta.dirname, '..')
const src = 'packages/tutti/src/'

/** An import of one room by another: through ports alone, or also through its index. */
export interface Crossing {
  readonly from: string
  readonly to: string
  readonly portsOnly: boolean
}

/** What the rooms import of each other; tests and the files of src/ itself are left out. */
export function crossings(modules: readonly Pick<IModule, 'source' | 'dependencies'>[]): Crossing[] {
  const ports = new Map<string, boolean>()
  for (const { source, dependencies } of modules) {
    if (new RegExp(testFile).test(source)) continue
    for (const { resolved } of dependencies) {
      const [from, to] = [roomOf(source), roomOf(resolved)]
      if (from === undefined || to === undefined || from === to) continue
      const arrow = `${from} ${to}`
      ports.set(arrow, (ports.get(arrow) ?? true) && resolved.endsWith('.port.ts'))
    }
  }
  return [...ports].sort().map(([arrow, portsOnly]) => {
    const [from = '', to = ''] = arrow.split(' ')
    return { from, to, portsOnly }
  })
}

/** The drawing, and the whole table under it. */
export function drawing(found: readonly Crossing[]): string {
  const present = [...new Set(found.flatMap(({ from, to }) => [from, to]))].sort()
  const rows = present.map((room) => `| ${room} | ${imports(room, found)} |`)
  const absent = [...floors.flatMap((floor) => floor.rooms), ...besideRooms].filter((room) => !present.includes(room))
  const notYet = absent.length === 0 ? [] : ['', `Rooms that have a floor and are not built yet: ${absent.join(', ')}.`]
  return [mermaid(present, found), ...notYet, '', '| room | imports (*: its ports only) |', '|---|---|', ...rows].join('\n')
}

/** Leaves out what would hide the shape: the ground floor, which everybody imports, the test kit, and arrows that follow from others. */
function mermaid(present: readonly string[], found: readonly Crossing[]): string {
  const hidden = new Set([...(floors[0]?.rooms ?? []), 'testing'])
  const arrows = found.filter(({ from, to }) => !hidden.has(from) && !hidden.has(to))
  const drawn = (rooms: readonly string[]): string[] => rooms.filter((room) => present.includes(room))
  const boxes = [...floors].reverse().flatMap(({ name, rooms }) => box(name, drawn(rooms)))
  const lines = arrows.filter((arrow) => !follows(arrow, arrows)).map(({ from, to, portsOnly }) => `  ${from} ${portsOnly ? '-.->' : '-->'} ${to}`)
  return ['```mermaid', 'flowchart TB', ...boxes, ...box('beside', drawn(besideRooms)), ...lines, '```'].join('\n')
}

function imports(room: string, found: readonly Crossing[]): string {
  const own = found.filter(({ from }) => from === room)
  return own.map(({ to, portsOnly }) => (portsOnly ? `${to}*` : to)).join(', ')
}

function box(name: string, rooms: readonly string[]): string[] {
  return rooms.length === 0 ? [] : [`  subgraph ${name}`, '    direction LR', ...rooms.map((room) => `    ${room}`), '  end']
}

/** True when the same end is reached over another room: the drawing then says it already. */
function follows({ from, to }: Crossing, arrows: readonly Crossing[]): boolean {
  const reaches = (room: string, seen: Set<string>): boolean =>
    arrows.some((arrow) => {
      if (arrow.from !== room || (room === from && arrow.to === to) || seen.has(arrow.to)) return false
      seen.add(arrow.to)
      return arrow.to === to || reaches(arrow.to, seen)
    })
  return reaches(from, new Set([from]))
}

function roomOf(path: string): string | undefined {
  return path.startsWith(src) ? /^([^/]+)\//.exec(path.slice(src.length))?.[1] : undefined
}

export async function writeArchitecture(): Promise<void> {
  process.chdir(root)
  const { output } = await cruise([src], { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } })
  if (typeof output === 'string') throw new Error('dependency-cruiser reported text instead of a result')
  const page = readFileSync('ARCHITECTURE.md', 'utf8')
  writePage('ARCHITECTURE.md', withBlock(page, 'rooms', `\n${drawing(crossings(output.modules))}\n`))
}

if (import.meta.main) await writeArchitecture()
