import { parentPort, workerData } from 'node:worker_threads'
import { simulateSlice } from './simulate.ts'
import { fromTask, type SliceMessage, type SliceTask } from './slices.ts'

/** A thread that runs one slice of a simulation. */
const task = workerData as SliceTask
const say = (message: SliceMessage) => parentPort?.postMessage(message)
const slice = await simulateSlice({ ...task, ...fromTask(task), onBroken: (broken) => say({ broken }) })
say({ slice })
