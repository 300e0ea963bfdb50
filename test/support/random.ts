export { createRandom } from '../../bench/load/random.js'
