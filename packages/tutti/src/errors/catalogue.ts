/**
 * Every code tutti can raise, with what it means for the caller.
 * `docs/errors.md` is generated from this table and a test keeps both in step.
 *
 * disposition: `retryable`: the same call may succeed later; `terminal`: it will not, until something is changed;
 * `bug`: the program (theirs or ours) is wrong.
 */
type Disposition = 'retryable' | 'terminal' | 'bug'
interface CatalogueLine {
  readonly disposition: Disposition
  /** What happened, in one sentence; shown in docs/errors.md. */
  readonly says: string
  /** What to do next; the default hint of an error of this code. */
  readonly hint: string
}

const line = (disposition: Disposition, says: string, hint: string): CatalogueLine => ({ disposition, says, hint })

export const catalogue = {
  CONFIG_INVALID: line('terminal', 'An option has a value tutti cannot use.', 'Correct the option named in the message.'),
  CONFIG_FLOW_UNKNOWN: line('terminal', 'A run names a flow that this app does not register.', 'Add the flow to `tutti({ flows: [...] })`.'),
  CONFIG_FLOW_DUPLICATE: line('terminal', 'Two flows with one name and version are registered.', 'Rename one of them, or give it another version.'),
  CONFIG_PACKAGE_MISSING: line('terminal', 'A package that this needs is not installed.', 'Install the package named in the message.'),
  CONFIG_USAGE: line('terminal', 'The command line could not be understood.', 'Run the command with `--help`.'),

  JOURNAL_DIVERGED: line('terminal', 'A flow no longer does what its journal recorded.', 'Put back the code that began this run and resume it (`tutti resume RUN`), raise the version of the flow, or fork the run.'),
  JOURNAL_FENCED: line('terminal', 'Another process took over this run; this one may not write any more.', 'Nothing is lost: follow the run where it goes on now.'),
  JOURNAL_CORRUPT: line('terminal', 'A journal holds something that cannot be read.', 'Restore the file from a backup; `tutti doctor` names the damaged runs.'),
  JOURNAL_NEWER: line('terminal', 'The journal was written by a newer version of tutti.', 'Update tutti, or open another file.'),
  JOURNAL_UNWRITABLE: line('terminal', 'The journal cannot be written.', 'Free space, or make the file and its folder writable; a run that was under way is then resumed.'),
  JOURNAL_LOCKED: line('retryable', 'Another process holds the journal file for longer than tutti waits.', 'Wait for the other process to finish its transaction, then try again.'),
  JOURNAL_KEY_WRONG: line('terminal', 'The key is not the one that the journal was encrypted with.', 'Give the key it was encrypted with; nothing was touched.'),
  JOURNAL_KEY_NEEDED: line('terminal', 'The journal is encrypted, and a key of it is missing.', 'Open it with `encryption: { key }`; the command reads TUTTI_KEY.'),
  JOURNAL_ARCHIVE_FAILED: line('terminal', 'A run could not be written to a file, so it was not removed either.', 'Name a folder that may be written and has space, then prune again.'),
  JOURNAL_NODE_TOO_OLD: line('terminal', 'This Node has no usable node:sqlite.', 'Use Node 22.18 or newer.'),

  RUN_FAILED: line('terminal', 'The flow ended its run with `run.fail`.', 'The reason is in the message.'),
  RUN_STEP_FAILED: line('terminal', 'A step threw an error that is not a TuttiError.', 'The name and message of the error are in `data`; mend the step, then fork or start again.'),
  RUN_TIMEOUT: line('retryable', 'A step took longer than its timeout.', 'Raise the timeout of the step, or make the step quicker.'),
  RUN_STEP_IDLE: line('retryable', 'A step showed no sign of life for longer than its idle timeout.', 'Call `ctx.heartbeat()` while the work goes on, or raise the `idle` of the step.'),
  RUN_DEADLINE_EXCEEDED: line('terminal', 'The deadline passed before the work was done.', 'Start with a later deadline; what was recorded can be forked.'),
  RUN_CANCELLED: line('terminal', 'The run, or this branch of it, was cancelled.', 'Nothing to do: what was recorded stays.'),
  RUN_UNDO_UNKNOWN: line('terminal', 'A step that has an undo was cut off, so nobody knows whether there is anything to undo.', 'Find out whether it happened, and undo it by hand if it did.'),
  RUN_UNDO_MISSING: line('terminal', 'A step was done by code that could undo it, and the code of now cannot, or never asked for it.', 'Undo it by hand; keep the undo of a step for as long as runs that did it are under way.'),
  RUN_TEXT_RESET: line('terminal', 'Text was told of an answer that was begun again and reads otherwise.', 'Read `events()`: a `text.reset` says what is void; the answer itself is in the result.'),
  RUN_SIGNAL_TIMEOUT: line('terminal', 'No signal came within its timeout.', 'Give `onTimeout` a value to go on without an answer.'),
  RUN_SCOPE_MISUSED: line('bug', 'A `run` was used outside the scope it belongs to.', 'Use the `run` that this flow was given, and none inside a step; several steps are a flow.'),
  RUN_NOT_RECORDABLE: line('bug', 'A value cannot be recorded in a journal.', 'Return JSON, Date, Map, Set, bigint, bytes or undefined from a step.'),
  RUN_NOT_FOUND: line('terminal', 'There is no run with this id in this store.', 'List the runs with `tutti runs`.'),
  RUN_STEP_NOT_FOUND: line('terminal', 'The run has no step with this key.', 'Write the key in full, from the name of the flow on, as `tutti show --values` prints it.'),
  RUN_FORK_ONCE: line('terminal', 'A fork, or a run that was carried over, would repeat an effect that may happen once only.', "Fork before what changed its input, or allow it with `once: 'again'`."),
  RUN_NO_HISTORY: line('terminal', 'No run of this flow and version was completed, so nothing can be said of the next.', 'Run it a few times first.'),
  RUN_FINISHED: line('terminal', 'The run has ended and takes no more of this.', 'Start a new run, or fork this one.'),
  RUN_NOT_FINISHED: line('terminal', 'The run has not ended, so it cannot be removed.', 'Wait for its end, or `tutti cancel` it first.'),
  RUN_ID_TAKEN: line('terminal', 'A run with this id exists and was started with another input or flow.', 'Use another id, or `app.get(id)` for the run that exists.'),
  RUN_INPUT_INVALID: line('terminal', 'The input does not fit the schema of the flow.', 'Correct the fields named in the message.'),
  RUN_OUTPUT_INVALID: line('terminal', 'The output does not fit the schema of the flow.', 'Correct the flow, or loosen its output schema.'),
  RUN_VERSION_MISMATCH: line('terminal', 'The run is pinned to another version of its flow.', 'Register that version too, or carry the run over.'),
  RUN_MIGRATION_REFUSED: line('terminal', 'A run could not be carried over to the new version of its flow; it is as it was.', 'Mend the migration, or register the version it is of beside the new one.'),
  RUN_CRASH_LOOP: line('terminal', 'The run was activated several times without getting any further.', 'Look at the last step with `tutti show`, mend it, then `tutti resume`.'),
  RUN_BUSY: line('retryable', 'Another process is driving this run.', 'Wait until it is done, or until its lease runs out.'),
  ATTEMPT_LOST: line('retryable', 'The process ended while a step was under way; its outcome is unknown.', 'Nothing to do: the step is tried again where that is safe.'),

  BUDGET_EXCEEDED: line('terminal', 'The next call could pass a limit of the budget, so it was not made.', "Raise the limit. A fork of the run takes over what is done; with onExhausted: 'ask' a run waits for a grant instead."),
  BUDGET_OVERRUN: line('terminal', 'A provider reported more than the bound it was held to.', 'Report the bound; raise the output limit of that model.'),
  BUDGET_NO_PRICE: line('terminal', 'A model without a price was called under a money limit.', 'Give its price in `tutti({ prices })`, or limit tokens instead of money.'),
  BUDGET_INVALID: line('bug', 'A budget holds a number that is not a limit.', 'Limits are numbers of zero or more.'),

  MODEL_UNKNOWN: line('terminal', 'No provider answers to this model id.', "Model ids read 'provider/model'; the message lists the providers known."),
  MODEL_PACKAGE_MISSING: line('terminal', 'The package of this provider is not installed.', 'Install the package named in the message.'),
  MODEL_KEY_MISSING: line('terminal', 'The provider needs a key that the environment does not have.', 'Set the variable named in the message.'),
  MODEL_KEY_REFUSED: line('terminal', 'The provider refused the key.', 'Check the key and what it may use.'),
  MODEL_RATE_LIMITED: line('retryable', 'The provider asks for fewer requests.', 'Wait as long as it says, or declare a fallback.'),
  MODEL_OVERLOADED: line('retryable', 'The provider has a failure of its own.', 'Try again later, or declare a fallback.'),
  MODEL_UNREACHABLE: line('retryable', 'The provider could not be reached.', 'Check the network and the base URL.'),
  MODEL_TIMEOUT: line('retryable', 'The model did not answer in time.', 'Raise the timeout, or declare a fallback.'),
  MODEL_STREAM_CUT: line('retryable', 'A stream ended without its finish.', 'Try again; text already shown is marked as reset.'),
  MODEL_MALFORMED: line('retryable', 'The provider answered something that is not of its protocol.', 'Try again; if it persists, report it to the provider.'),
  MODEL_REQUEST_REFUSED: line('terminal', 'The provider refused the request as it is.', 'The message of the provider says what it did not accept.'),
  MODEL_CONTEXT_OVERFLOW: line('terminal', 'The request is longer than the model can read.', 'Shorten it, or declare a model with a larger context as fallback.'),
  MODEL_CONTENT_FILTERED: line('terminal', 'The provider withheld the answer.', 'Change the request.'),
  MODEL_NOT_ACCEPTED: line('terminal', 'The check of a cascade did not accept the answer.', 'The next model of the cascade is asked; the last one is not checked.'),
  MODEL_CIRCUIT_OPEN: line('retryable', 'A model failed again and again, so its breaker lets nothing through for a while.', 'Wait for the cooldown, or declare a fallback.'),
  MODEL_OUTPUT_INVALID: line('retryable', 'The answer does not fit the output schema.', 'Loosen the schema, or choose a stronger model; every attempt is in the journal.'),
  MODEL_OUTPUT_TRUNCATED: line('terminal', 'The answer was cut at the output limit.', 'Ask for a shorter answer, or choose a model that may write more.'),
  MODEL_UNSUPPORTED: line('terminal', 'The model cannot do what the request needs.', 'Choose another model for it.'),
  MODEL_NO_ANSWER: line('terminal', 'The embedded answerer found nothing it could quote.', 'Ask about something the sources hold, ingest more, or set a provider key.'),
  MODEL_FAILED: line('terminal', 'The model failed for a reason tutti does not know.', 'The message is that of the provider.'),

  TOOL_INPUT_INVALID: line('terminal', 'The arguments do not fit the schema of the tool.', 'They go back to the model; correct the fields named.'),
  TOOL_UNKNOWN: line('terminal', 'The model called a tool that it was not given.', 'The call goes back to the model with the names it may use.'),
  TOOL_FAILED: line('terminal', 'A tool threw an error.', 'The name and message of the error are in `data`.'),
  TOOL_IN_DOUBT: line('terminal', 'An effect that may happen once only was begun, and nobody knows whether it happened.', 'Find out, then `tutti resolve RUN STEP --done` or `--not-done`.'),
  TOOL_NOT_DONE: line('retryable', 'A tool says that its effect certainly did not happen.', 'It is safe to try again.'),
  TOOL_DUPLICATE: line('terminal', 'Two tools of one agent have one name.', 'Rename one of them.'),
  TOOL_SOURCE_UNREACHABLE: line('retryable', 'A server of tools could not be started or reached.', 'Start its command by hand, or open its URL: the cause is in the message.'),
  TOOL_OUTCOME_UNKNOWN: line('retryable', 'A call was cut off, so nobody knows whether it was carried out.', 'Nothing to do: it is repeated only where its tool may be; a `once` tool waits for a person.'),
  TOOL_CHANGED: line('terminal', 'A tool is not the one that was approved.', 'Read what changed with `tutti tools`, then `tutti tools approve`.'),
  TOOL_CODE_FAILED: line('terminal', 'Code that a model wrote threw an error.', 'It goes back to the model, with what the code had logged.'),
  TOOL_CODE_LIMIT: line('terminal', 'Code that a model wrote took more time, memory or output than it may.', 'It goes back to the model; raise `limits` of `codeTool` where the work needs it.'),

  AGENT_TURN_LIMIT: line('terminal', 'The agent used all its turns without an answer.', 'Raise `limits.turns`, or give it a smaller task.'),
  AGENT_TOOL_LIMIT: line('terminal', 'The agent used all its tool calls without an answer.', 'Raise `limits.toolCalls`, or give it a smaller task.'),
  AGENT_STUCK: line('terminal', 'The agent repeats the same calls and learns nothing new, also after it was told so.', 'Read the turns with `tutti show`; change its tools or its instructions.'),
  AGENT_DENIED: line('terminal', 'A hook of the agent, or a person it asked, refused to go on.', 'The hook and its reason are in `data`.'),
  TEAM_STUCK: line('terminal', 'The members of a team hand to one another, or say and do the same again, and nothing is gained.', 'Read the decisions with `tutti show`, and in full with `--values`; make clearer who does what.'),
  TEAM_TURN_LIMIT: line('terminal', 'A team used all its turns without an answer.', 'Raise `limits.turns`, or give it a smaller task.'),
  TEAM_NO_MEMBER: line('terminal', 'Somebody was chosen to speak who is no member of the team.', 'Let `next` answer the name of a member, or nothing.'),
  SCHEDULE_INVALID: line('terminal', 'A schedule says when in a way that cannot be kept.', 'Correct the field named in the message.'),
  SCHEDULE_NOT_FOUND: line('terminal', 'There is no schedule of this name in this store.', 'List the schedules with `tutti schedule list`.'),
  FLOW_NO_BRANCH: line('terminal', 'A route chose a branch that does not exist.', 'Add the branch, or give `otherwise`.'),
  FLOW_LOOP_LIMIT: line('terminal', 'A loop reached its maximum before its condition held.', 'Raise `max`, or change `until`.'),
  FLOW_NOT_YET: line('terminal', 'This part of the public face is declared but not built yet.', 'See docs/not-yet.md.'),

  MEMORY_SUMMARY_UNUSABLE: line('terminal', 'A model did not summarize what leaves the conversation of an agent, also when it was asked again.', 'Read its answers with `tutti show`; raise `window`, or give the agent a model that may write more.'),

  GUARDRAIL_BLOCKED: line('terminal', 'A guardrail blocked the value.', 'The name of the guardrail and its reason are in `data`.'),

  RETRIEVAL_NO_INDEX: line('terminal', 'The index has not been filled.', 'Run its `ingest` flow first.'),
  RETRIEVAL_INDEX_UNUSABLE: line('terminal', 'The file of an index cannot be used.', 'Delete it and ingest again; everything in it comes from the sources.'),
  RETRIEVAL_EMPTY: line('terminal', 'Nothing to read was found at the given place.', 'Check the path or pattern; licences and changelogs are left out by default.'),
  RETRIEVAL_UNREADABLE: line('terminal', 'A folder or file cannot be read.', 'Check that it exists and may be read.'),
  RETRIEVAL_NO_PAGE: line('terminal', 'The documentation has no page or package of this name.', 'Take a name as a search or the list of pages gives it.'),
  RETRIEVAL_EMBEDDER_MISSING: line('terminal', 'The package of the embedding model is not installed.', 'npm install @tutti/embed-minilm'),
  RETRIEVAL_EMBEDDER_FAILED: line('terminal', 'The embedding model could not be started.', 'The cause is attached; `index(name, { embed: false })` searches by words alone.'),
  RETRIEVAL_EMBEDDER_CHANGED: line('terminal', 'An index was embedded by another model than it is declared with.', 'Run its `ingest` flow: it embeds with the new one what the old one did; or declare the old one.'),
  RETRIEVAL_WEIGHTS_WRONG: line('terminal', 'The weights of the embedding model do not have the expected hash.', 'Reinstall @tutti/embed-minilm.'),
  RETRIEVAL_QUERY_TOO_LONG: line('terminal', 'The question is longer than an index can search for.', 'Ask a shorter question; the limit is in the message.'),

  ENGINE_CLOSED: line('terminal', 'The app was closed.', 'Runs under way resume when an app opens the same store.'),
  ENGINE_UNREACHABLE: line('retryable', 'The engine that hosts the runs does not answer.', 'Start it, or correct its address; what was asked is in the journal.'),
  ENGINE_UNSUPPORTED: line('terminal', 'This engine cannot do that.', 'See the table of engines in the docs.'),
} as const satisfies Record<string, CatalogueLine>

export type KnownErrorCode = keyof typeof catalogue
/** Known codes are completed by the editor; others (of newer versions, of satellites) are accepted. */
export type ErrorCode = KnownErrorCode | (string & {})
export type { Disposition }
