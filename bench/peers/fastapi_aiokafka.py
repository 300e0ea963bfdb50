"""The original service, in small: FastAPI validates a batch with pydantic, aiokafka sends a record a metric, and the
202 waits for the acknowledgements of all of them. Started by ../peers.ts with uvicorn.

EACH=task awaits each record in a task of its own and counts it, as it is mostly written (`gather` over
`send_and_wait`); EACH=future queues all of a batch and then awaits their futures, which is the leanest that aiokafka has."""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import Literal, Optional

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field


class Metric(BaseModel):
    model_config = ConfigDict(extra="allow")
    timestamp: int
    service_name: str = Field(min_length=1, max_length=255)
    metric_name: str = Field(min_length=1, max_length=255)
    metric_type: Literal["counter", "gauge", "histogram"]
    value: float
    tags: dict[str, str] = {}
    endpoint: Optional[str] = Field(None, max_length=500)
    method: Optional[str] = Field(None, max_length=10)
    status_code: Optional[int] = None
    duration_ms: Optional[float] = None
    error: Optional[str] = Field(None, max_length=1000)


class Batch(BaseModel):
    metrics: list[Metric] = Field(min_length=1, max_length=1000)
    service_name: str = Field(min_length=1, max_length=255)
    environment: str = "development"
    agent_version: str = "unknown"


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["BOOTSTRAP"],
        compression_type="gzip",
        acks="all",
        linger_ms=5,
        max_batch_size=1_000_000,
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)
topic = os.environ["TOPIC"]


@app.get("/ready")
async def ready():
    return {}


@app.post("/v1/metrics", status_code=202)
async def ingest(batch: Batch):
    key = batch.service_name.encode()
    await deliver(key, [record_of(batch, metric) for metric in batch.metrics])
    return {"status": "accepted", "metrics_accepted": len(batch.metrics)}


def record_of(batch: Batch, metric: Metric) -> bytes:
    record = metric.model_dump()
    record["environment"] = batch.environment
    record["agent_version"] = batch.agent_version
    return json.dumps(record).encode()


async def deliver_by_future(key: bytes, records: list[bytes]):
    pending = [await app.state.producer.send(topic, record, key=key) for record in records]
    for acknowledged in pending:
        await acknowledged


async def deliver_by_task(key: bytes, records: list[bytes]):
    await asyncio.gather(*(send(key, record) for record in records))


async def send(key: bytes, record: bytes):
    await app.state.producer.send_and_wait(topic, record, key=key)
    sent["messages"] += 1
    sent["bytes"] += len(record)


sent = {"messages": 0, "bytes": 0}
deliver = {"task": deliver_by_task, "future": deliver_by_future}[os.environ["EACH"]]
