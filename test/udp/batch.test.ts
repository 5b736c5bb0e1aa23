import t from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { contract } from './contract.js'

const transport = batchTransport()
if (typeof transport === 'string') t.plan(0, transport)
else contract(transport, { otherLoopback: '127.0.0.2' })
