import type { Command } from 'commander'

/** Commands by their heading in the help: what is easily confused is side by side. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Add to the rules:': ['ban', 'exception', 'list', 'record'],
  'Query log:': ['query', 'tail', 'log', 'verify-log', 'pseudonym', 'who'],
  'Reports and evidence:': ['report', 'reports', 'evidence', 'replay'],
  'Encrypted DNS:': ['client-token', 'onboard', 'certificate']
}

/** Puts commands below other headings than those of the files that define them. */
export function groupCommands(program: Command): void {
  for (const [heading, names] of Object.entries(GROUPS))
    for (const command of program.commands)
      if (names.includes(command.name())) command.helpGroup(heading)
}
