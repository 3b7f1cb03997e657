/** The floors of ARCHITECTURE.md as rules. Type-only imports count: a type that points upwards is a dependency too. */
import type { IConfiguration, IRegularForbiddenRuleType } from 'dependency-cruiser'
import { besideRooms, compositionRoots, deterministicRooms, floors, siblingFloor, testFile as test } from './floors.ts'

const src = '^packages/tutti/src/'
const port = '\\.port\\.ts$'
const face = '.+/index\\.ts$'
const rooms = (names: readonly string[]): string => `${src}(${names.join('|')})/`
const roots = `${src}(${compositionRoots.join('|')})`
const ground = floors.filter(({ name }) => name === 'L0' || name === 'L1').flatMap((floor) => floor.rooms)
const siblings = floors.find(({ name }) => name === siblingFloor)?.rooms ?? []

/** Falls back to a devDependency while developing; the build copies the part of it that is needed (packages/embed-minilm/tsdown.config.ts). */
const copiedRuntime = '^packages/embed-minilm/src/runtime\\.ts$'

type Rule = Omit<IRegularForbiddenRuleType, 'severity'>

/** One rule a floor, so that a failure names the floor it broke. */
const goDown: Rule[] = floors.slice(0, -1).map((floor, height) => ({
  name: `floors-go-down-${floor.name}`,
  comment: `${floor.rooms.join(', ')} (${floor.name}: ${floor.about}) must not know the floors above. Move the type down, or pass the function in as an argument.`,
  from: { path: rooms(floor.rooms), pathNot: [test, roots] },
  to: { path: rooms(floors.slice(height + 1).flatMap((above) => above.rooms)) },
}))

const rules: Rule[] = [
  ...goDown,
  {
    name: 'siblings-meet-at-ports',
    comment: `The rooms of ${siblingFloor} can be replaced one by one, so each sees of another its *.port.ts files only. What a port cannot say belongs on a lower floor.`,
    from: { path: `${src}(${siblings.join('|')})/`, pathNot: test },
    to: { path: rooms(siblings), pathNot: [`${src}$1/`, port] },
  },
  {
    name: 'rooms-are-entered-by-their-index-or-port',
    comment: 'A room is entered by its index.ts or a *.port.ts, so that its insides can change. Export what you need from its index.ts.',
    from: { path: `${src}([^/]+)/`, pathNot: test },
    to: { path: `${src}[^/]+/`, pathNot: [`${src}$1/`, `${src}${face}`, port] },
  },
  {
    name: 'the-top-enters-rooms-by-their-index-or-port',
    comment: 'The files of src/ put rooms together; they too use the index.ts or a *.port.ts of a room.',
    from: { path: `${src}[^/]+\\.ts$`, pathNot: test },
    to: { path: `${src}[^/]+/`, pathNot: [`${src}${face}`, port] },
  },
  {
    name: 'rooms-do-not-reach-the-top',
    comment: 'src/index.ts and src/tutti.ts import the rooms, never the other way round; only the outermost rooms (server, cli, testing) use them.',
    from: { path: `${src}[^/]+/`, pathNot: [test, `${src}(server|cli|testing)/`] },
    to: { path: `${src}[^/]+\\.ts$` },
  },
  {
    name: 'nothing-imports-adapters',
    comment: 'Telemetry and the like are readings of the journal. Only composition roots put them in; a room that needs one has its port.',
    from: { path: src, pathNot: [test, roots, rooms(besideRooms)] },
    to: { path: rooms(besideRooms) },
  },
  {
    name: 'adapters-stand-on-ports-and-the-ground',
    comment: 'What stands beside the house knows ports and the floors L0 and L1 only.',
    from: { path: rooms(besideRooms), pathNot: test },
    to: { path: src, pathNot: [rooms(besideRooms), rooms(ground), port] },
  },
  {
    name: 'nothing-imports-testing',
    comment: 'testing/ may import every room; no room but a test may import it, or the kit would ship inside the product.',
    from: { path: src, pathNot: [test, `${src}testing/`] },
    to: { path: `${src}testing/` },
  },
  {
    name: 'ports-import-types-only',
    comment: 'A port is a page of types: importing it runs nothing. (scripts/house.test.ts checks that it also holds nothing else.)',
    from: { path: port },
    to: { dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'deterministic-rooms-do-no-io',
    comment: 'A replay must take the same path as the run. The network, processes and timers come in through a step or a port.',
    from: { path: rooms(deterministicRooms), pathNot: test },
    to: { dependencyTypes: ['core'], path: '^(node:)?(timers|net|tls|dgram|dns|http|https|http2|child_process|cluster)(/|$)' },
  },
  {
    name: 'no-cycles',
    comment: 'Files that need each other are one file, or one of them needs a port.',
    from: { pathNot: test },
    to: { circular: true },
  },
  {
    name: 'the-product-does-not-import-tests',
    comment: 'A test is a leaf.',
    from: { pathNot: test },
    to: { path: test },
  },
  {
    name: 'packages-meet-by-name',
    comment:
      "One package imports another as its users do: by name and face ('tutti/testing'), never by a path into its sources. Servers that tests start are shared, and so are the real command and the runs that are killed under one limit.",
    from: { path: '^packages/([^/]+)/' },
    to: {
      path: '^packages/[^/]+/',
      pathNot: ['^packages/$1/', '^packages/[^/]+/test/([^/]+-server|cli/command|standing-(fire|runs))\\.ts$'],
      dependencyTypes: ['local'],
      dependencyTypesNot: ['aliased-workspace'],
    },
  },
  {
    name: 'programs-use-the-faces',
    comment: 'Examples and the demo import tutti as its users do. (bench and scripts measure the inside and may look at it.)',
    from: { path: '^(examples|demo)/' },
    to: { path: '^packages/', dependencyTypes: ['local'], dependencyTypesNot: ['aliased-workspace'] },
  },
  {
    name: 'no-undeclared-packages',
    comment:
      'What is imported, if only for its types, stands in the package.json of that very package: its neighbours here are not there when it is installed.',
    from: { path: '^packages/[^/]+/src/', pathNot: [test, `${src}testing/`] },
    to: { dependencyTypes: ['npm-no-pkg'] },
  },
  {
    name: 'no-packages-of-the-workshop',
    comment: 'A devDependency is not there when the package is installed; only its types may be used, and not in what is exported.',
    from: { path: '^packages/[^/]+/src/', pathNot: [test, `${src}testing/`, copiedRuntime] },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'everything-resolves',
    comment: 'An import that leads nowhere. (What the bench compares with is installed in a folder of its own, or not at all.)',
    from: { pathNot: '^bench/peers/' },
    to: { couldNotResolve: true },
  },
]

export const floorRules = {
  forbidden: rules.map((rule): IRegularForbiddenRuleType => ({ ...rule, severity: 'error' })),
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    // What tutti is measured beside is installed in a folder of its own, if at all.
    exclude: { path: ['/(dist|release)/', '^bench/peers/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['tutti-source', 'import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mts', '.mjs', '.js', '.json', '.d.ts'],
    },
    detectProcessBuiltinModuleCalls: true,
  },
} satisfies IConfiguration
