import { portableTransport } from '../../src/wire/sockets/portable/portable.js'
import { contract } from './contract.js'

contract(portableTransport(), { otherLoopback: '127.0.0.1' })
