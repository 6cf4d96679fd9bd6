// Force-included before mediasoup's DtlsTransport.cpp.
//
// mediasoup watches its outgoing BIO by a callback that answers 1 to every
// finished operation but a plain return, control calls included. mediasoup's
// own OpenSSL is built without kernel TLS; Debian's is built with it and asks
// the BIO by a control call whether the kernel encrypts. Told "1", it allocates
// no write buffer and crashes in the handshake. So a finished control call
// keeps its own result here.
#pragma once

#include <openssl/bio.h>

namespace pharos
{
	// DtlsTransport.cpp sets one and the same callback on all of its BIOs.
	inline BIO_callback_fn_ex bioCallback{ nullptr };

	inline long onBio(
	  BIO* bio, int operation, const char* argp, size_t len, int argi, long argl, int ret, size_t* processed)
	{
		const long result = bioCallback(bio, operation, argp, len, argi, argl, ret, processed);

		return operation == (BIO_CB_CTRL | BIO_CB_RETURN) ? static_cast<long>(ret) : result;
	}

	inline void setBioCallback(BIO* bio, BIO_callback_fn_ex callback)
	{
		bioCallback = callback;
		BIO_set_callback_ex(bio, onBio);
	}
} // namespace pharos

#define BIO_set_callback_ex pharos::setBioCallback
