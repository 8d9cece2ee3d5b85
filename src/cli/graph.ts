import type { Command } from 'commander'
import { mermaidOf, textOf } from '../operate/graph-text.ts'
import type { Io } from './io.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

interface GraphOptions extends SystemOptions {
  readonly format: 'text' | 'mermaid'
}

export function addGraph(program: Command, io: Io): void {
  const command = systemCommand(program, 'graph', 'show what rests on what, from source tables to products')
  command
    .addOption(command.createOption('--format <how>', 'how to print it').choices(['text', 'mermaid']).default('text'))
    .action((options: GraphOptions) =>
      withSystem(options, io, async ({ operate }) => {
        const graph = await operate.graph()
        if (options.json) return io.out(JSON.stringify(graph))
        io.out(options.format === 'mermaid' ? mermaidOf(graph) : textOf(graph))
      }),
    )
}
