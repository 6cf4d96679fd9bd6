// mediasoup is written for libsrtp 3; Debian has libsrtp 2. What differs:
// - a policy is an opaque handle with setters, in 2 a struct that the caller fills;
// - a key and its salt are given apart, in 2 one after the other;
// - protect and unprotect go from one buffer to another, in 2 they work in place;
// - srtp_stream_remove was called srtp_remove_stream;
// - two error codes are new.
// The functions below overload those of libsrtp 2 by their arguments.
#pragma once

// libsrtp 3 gives this name to the handle.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <openssl/crypto.h>

constexpr auto srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(28);
constexpr auto srtp_err_status_cryptex_err  = static_cast<srtp_err_status_t>(29);

struct PharosSrtpPolicy
{
	srtp2_policy_t policy{};
	unsigned char key[SRTP_MAX_KEY_LEN]{};
};

using srtp_policy_t = PharosSrtpPolicy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* handle)
{
	*handle = new (std::nothrow) PharosSrtpPolicy;

	return *handle ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

inline void srtp_policy_destroy(srtp_policy_t handle)
{
	if (handle)
	{
		OPENSSL_cleanse(handle->key, sizeof(handle->key));
		delete handle;
	}
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t handle, srtp_ssrc_t ssrc)
{
	handle->policy.ssrc = ssrc;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t handle, srtp_profile_t profile)
{
	const auto err = srtp_crypto_policy_set_from_profile_for_rtp(&handle->policy.rtp, profile);

	return err != srtp_err_status_ok
	         ? err
	         : srtp_crypto_policy_set_from_profile_for_rtcp(&handle->policy.rtcp, profile);
}

// mediasoup uses one key without an identifier (MKI).
inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t handle,
  const uint8_t* key,
  size_t keyLen,
  const uint8_t* salt,
  size_t saltLen,
  const uint8_t* /*mki*/,
  size_t mkiLen)
{
	if (mkiLen != 0 || keyLen > sizeof(handle->key) || saltLen > sizeof(handle->key) - keyLen)
	{
		return srtp_err_status_bad_param;
	}

	std::memcpy(handle->key, key, keyLen);
	std::memcpy(handle->key + keyLen, salt, saltLen);
	handle->policy.key = handle->key;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t handle, bool allow)
{
	handle->policy.allow_repeat_tx = allow ? 1 : 0;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t handle, size_t size)
{
	handle->policy.window_size = size;

	return srtp_err_status_ok;
}

// libsrtp copies the key, so the handle may be destroyed afterwards.
inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t handle)
{
	return srtp_create(session, &handle->policy);
}

// The argument is passed on as it comes: libsrtp 2 wants network byte order
// (libsrtp 3.0 host order), and mediasoup gives it htonl(ssrc).
inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

namespace pharos
{
	// Copies the packet to where the result belongs and works there in place.
	// |outLen| is the room in |out| before the call, the result's length after it.
	template<typename Operation>
	inline srtp_err_status_t srtpInPlace(
	  Operation operation, const uint8_t* in, size_t inLen, size_t growth, uint8_t* out, size_t* outLen)
	{
		if (inLen > static_cast<size_t>(INT_MAX) - growth)
		{
			return srtp_err_status_bad_param;
		}

		if (*outLen < inLen + growth)
		{
			return srtp_err_status_buffer_small;
		}

		if (in != out)
		{
			std::memmove(out, in, inLen);
		}

		auto len       = static_cast<int>(inLen);
		const auto err = operation(out, &len);

		if (err == srtp_err_status_ok)
		{
			*outLen = static_cast<size_t>(len);
		}

		return err;
	}

	// RTCP gets the 32 bit index besides the tag; there is no MKI.
	constexpr size_t SrtpGrowth{ SRTP_MAX_TAG_LEN };
	constexpr size_t SrtcpGrowth{ SRTP_MAX_TAG_LEN + sizeof(uint32_t) };
} // namespace pharos

inline srtp_err_status_t srtp_protect(
  srtp_t session, const uint8_t* rtp, size_t rtpLen, uint8_t* srtp, size_t* srtpLen, size_t /*mkiIndex*/)
{
	return pharos::srtpInPlace(
	  [session](uint8_t* data, int* len) { return srtp_protect(session, data, len); },
	  rtp, rtpLen, pharos::SrtpGrowth, srtp, srtpLen);
}

inline srtp_err_status_t srtp_unprotect(
  srtp_t session, const uint8_t* srtp, size_t srtpLen, uint8_t* rtp, size_t* rtpLen)
{
	return pharos::srtpInPlace(
	  [session](uint8_t* data, int* len) { return srtp_unprotect(session, data, len); },
	  srtp, srtpLen, 0, rtp, rtpLen);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t session, const uint8_t* rtcp, size_t rtcpLen, uint8_t* srtcp, size_t* srtcpLen, size_t /*mkiIndex*/)
{
	return pharos::srtpInPlace(
	  [session](uint8_t* data, int* len) { return srtp_protect_rtcp(session, data, len); },
	  rtcp, rtcpLen, pharos::SrtcpGrowth, srtcp, srtcpLen);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t session, const uint8_t* srtcp, size_t srtcpLen, uint8_t* rtcp, size_t* rtcpLen)
{
	return pharos::srtpInPlace(
	  [session](uint8_t* data, int* len) { return srtp_unprotect_rtcp(session, data, len); },
	  srtcp, srtcpLen, 0, rtcp, rtcpLen);
}
