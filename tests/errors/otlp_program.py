"""A shop of two services with OpenTelemetry's own SDK, set up by environment variables only; prints its trace's id.

`otlp_program.py batch|simple` handles one order: it fails in the inner service, passes through four spans, and is
logged by the outer one.
"""

import logging
import sys
import time

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanKind

BATCH = sys.argv[1] == "batch"


def _provider(service: str) -> TracerProvider:
    resource = Resource.create({"service.name": service, "service.version": "2.0.1"})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter) if BATCH else SimpleSpanProcessor(exporter))
    return provider


web, api = _provider("shop-web"), _provider("shop-api")
logs = LoggerProvider(resource=Resource.create({"service.name": "shop-web", "service.version": "2.0.1"}))
log_exporter = OTLPLogExporter()
logs.add_log_record_processor(
    BatchLogRecordProcessor(log_exporter) if BATCH else SimpleLogRecordProcessor(log_exporter)
)
log = logging.getLogger("shop.web")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=logs))


class StockEmpty(Exception):
    pass


def reserve(item: str) -> None:
    time.sleep(0.004)
    raise StockEmpty(f"no {item} left", 17)


def settle() -> None:
    tracer = api.get_tracer("shop.api")
    with tracer.start_as_current_span("POST /reserve", kind=SpanKind.SERVER) as served:
        served.set_attribute("url.path", "/reserve")
        with tracer.start_as_current_span("SELECT stock", kind=SpanKind.CLIENT) as query:
            query.set_attribute("db.query.text", "SELECT amount FROM stock WHERE item = 'apples'")
            time.sleep(0.006)
        with tracer.start_as_current_span("reserve"):
            reserve("apples")


def order() -> str:
    tracer = web.get_tracer("shop.web")
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER) as span:
        span.set_attributes({"http.request.method": "POST", "url.path": "/orders", "http.route": "/orders"})
        log.info("an order for apples")
        with tracer.start_as_current_span("load basket"):
            time.sleep(0.005)
        try:
            with tracer.start_as_current_span("POST", kind=SpanKind.CLIENT):
                settle()
        except StockEmpty:
            log.exception("the order could not be settled")
            span.set_status(trace.StatusCode.ERROR)
        return f"{span.get_span_context().trace_id:032x}"


trace_id = order()
for provider in (api, web):
    provider.shutdown()
logs.shutdown()
sys.stdout.write(trace_id)
