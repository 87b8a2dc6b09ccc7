package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// newAPIProxy passes requests on to kube-apiserver. The client's certificate ends here, so who it was travels in the
// headers of Kubernetes' authenticating proxy, trusted because the proxy shows a certificate of the request-header CA
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy).
// Bearer tokens pass as they are, on a connection that shows no certificate.
func newAPIProxy(s *server) (http.Handler, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.pki.serverCA.bundle)
	proxyCertificate, err := tls.LoadX509KeyPair(s.tlsPath("client-auth-proxy.crt"), s.tlsPath("client-auth-proxy.key"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AddCert(s.pki.clientCA.chain[len(s.pki.clientCA.chain)-1])
	intermediates := x509.NewCertPool()
	for _, certificate := range s.pki.clientCA.chain {
		intermediates.AddCert(certificate)
	}
	verify := x509.VerifyOptions{Roots: clients, Intermediates: intermediates, KeyUsages: clientPurpose}

	plain := &tls.Config{RootCAs: roots}
	known := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{proxyCertificate}}
	anonymous, identified := newAPITransport(plain), newAPITransport(known)
	// exec, attach and port-forward switch protocols, which HTTP/2 cannot.
	anonymousUpgrade, identifiedUpgrade := newUpgradeTransport(plain), newUpgradeTransport(known)

	target := &url.URL{Scheme: "https", Host: apiAddress}
	forward := func(transport http.RoundTripper, identified bool) *httputil.ReverseProxy {
		return &httputil.ReverseProxy{
			Transport:     transport,
			FlushInterval: -1, // watches and logs
			ErrorLog:      log.New(io.Discard, "", 0),
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				if r.Context().Err() == nil {
					sendError(w, http.StatusServiceUnavailable, "apiserver not ready")
				}
			},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.SetXForwarded()
				r.Out.Host = r.In.Host
				var client *x509.Certificate
				if identified {
					client = r.In.TLS.PeerCertificates[0]
				}
				setIdentity(r.Out.Header, client)
			},
		}
	}
	choose := map[[2]bool]*httputil.ReverseProxy{
		{false, false}: forward(anonymous, false), {false, true}: forward(anonymousUpgrade, false),
		{true, false}: forward(identified, true), {true, true}: forward(identifiedUpgrade, true),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		choose[[2]bool{isKnown(r, verify), r.Header.Get("Upgrade") != ""}].ServeHTTP(w, r)
	}), nil
}

func newAPITransport(config *tls.Config) *http.Transport {
	return &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: 90 * time.Second, DisableCompression: true}
}

func newUpgradeTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		TLSClientConfig: config, DisableCompression: true,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// isKnown says whether the client has shown a certificate that the client CA has signed.
func isKnown(r *http.Request, options x509.VerifyOptions) bool {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return false
	}
	_, err := r.TLS.PeerCertificates[0].Verify(options)
	return err == nil
}

// setIdentity writes who the client is, after removing what the client may have claimed to be.
func setIdentity(header http.Header, client *x509.Certificate) {
	for name := range header {
		if strings.HasPrefix(strings.ToLower(name), "x-remote-") {
			delete(header, name)
		}
	}
	if client == nil {
		return
	}
	header.Set("X-Remote-User", client.Subject.CommonName)
	for _, group := range client.Subject.Organization {
		header.Add("X-Remote-Group", group)
	}
	// A certificate counts for more than a token, as in kube-apiserver itself.
	header.Del("Authorization")
}
