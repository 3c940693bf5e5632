r"""How good a point is: certificates, proofs in rational arithmetic, and the rule that ends a run.

Solvers cannot import this package: nobody grades himself.
"""

from parlin.certificates.certificate import Certificate, certify
from parlin.certificates.exact import ExactCertificate, Proof, exact_certificate

__all__ = ["Certificate", "ExactCertificate", "Proof", "certify", "exact_certificate"]
