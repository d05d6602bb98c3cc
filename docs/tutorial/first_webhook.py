"""A web service that receives payment webhooks beside its own pages."""

import os

from aiohttp import web

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import setup


async def home(request: web.Request) -> web.Response:
    return web.Response(text="The shop is open.\n")


async def on_event(event: PaymentEvent) -> None:
    received = event.amounts.received
    amount = f"{received.amount} {received.asset.code}" if received else "nothing yet"
    print(f"{event.kind} for {event.payment.merchant_reference} is {event.status}: {amount}", flush=True)


shop = Source("shop", "coinspaid", {"secrets": [os.environ["COINSPAID_SECRET"]]})

app = web.Application()
app.router.add_get("/", home)
setup(app, Receiver(Pipeline([shop]), on_event))

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
