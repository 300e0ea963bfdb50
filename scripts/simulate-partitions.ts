// How much of the traffic does the busiest partition get, by what the records are keyed with?
//
//   node dist/scripts/simulate-partitions.js
//
// Services are of very different size (Zipf, exponent 1), as fleets are; a key's partition is drawn as a hash does it.

const partitions = 12
const serviceCount = 200
const seriesOfService = 500
const runs = 200

const weights = Array.from({ length: serviceCount }, (_, rank) => 1 / (rank + 1))
const total = weights.reduce((sum, weight) => sum + weight, 0)

console.log(
  `${serviceCount} services, the largest with ${percent((weights[0] ?? 0) / total)} of all metrics; ${partitions} partitions`,
)
console.log('| key | busiest partition, median of simulations | an even share |\n| --- | --- | --- |')
for (const [key, keysOfService] of Object.entries({ service: 1, series: seriesOfService })) {
  const shares = Array.from({ length: runs }, () => busiestShare(keysOfService)).sort((a, b) => a - b)
  console.log(`| ${key} | ${percent(shares[runs >> 1] ?? 0)} | ${percent(1 / partitions)} |`)
}

/** The share of the busiest partition when each service's metrics are spread over so many keys. */
function busiestShare(keysOfService: number): number {
  const loads = new Array<number>(partitions).fill(0)
  for (const weight of weights) {
    for (let key = 0; key < keysOfService; key++) {
      const partition = Math.floor(Math.random() * partitions)
      loads[partition] = (loads[partition] ?? 0) + weight / keysOfService
    }
  }
  return Math.max(...loads) / total
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
