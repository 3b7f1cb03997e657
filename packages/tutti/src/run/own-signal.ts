/** The names of tutti's own signals: journals hold them, commands are given them, so each is written here and nowhere else. */
export const ownSignal = {
  /** A person says whether a tool is called. */
  approval: 'tutti.approval',
  /** A person answers what a tool server asks in the midst of a call. */
  question: 'tutti.question',
  /** A person says something to the agent at work. */
  steer: 'tutti.steer',
  /** Under this a run is listed that waits for somebody to say what became of an effect. Nothing is sent under it. */
  resolve: 'tutti.resolve',
  /** Under this a run is listed that waits for more budget. Nothing is sent under it. */
  grant: 'tutti.grant',
} as const
