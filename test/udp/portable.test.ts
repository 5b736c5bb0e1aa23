import { portableTransport } from '../../src/udp/portable/portable.js'
import { contract } from './contract.js'

contract(portableTransport(), { otherLoopback: '127.0.0.1' })
