export { createRandom } from '../../lib/load/random.js'
