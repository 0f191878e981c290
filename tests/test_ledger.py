from pipeline.ledger import Ledger
def test_a(ledger_url):
    Ledger(ledger_url)
