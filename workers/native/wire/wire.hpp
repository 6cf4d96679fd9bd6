#ifndef PHAROS_WIRE_HPP
#define PHAROS_WIRE_HPP

#include "RTC/Parameters.hpp"
#include "RTC/RtpDictionaries.hpp"
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace pharos
{
	/** By this a binary is known for one that can do it (workers/media/wire.ts). */
	[[gnu::used]] static const char WireMark[]{ "pharos-wire-1" };

	/**
	 * What mediasoup lacks for WHEP. A router numbers payload types and header
	 * extensions its own way, the same for all consumers, while in WHEP the viewer
	 * is the offerer, and an offer says by which numbers its sender wants to
	 * receive (RFC 3264, section 5.1; RFC 8285, section 6).
	 *
	 * One of these belongs to each WebRtcTransport. It learns from its consumers'
	 * RTP parameters which numbers the other end wants: the codec parameter
	 * "pharos-payload-type" and the header extension parameter "pharos-id". Where
	 * there are none it leaves packets alone. Where there are, it rewrites a copy of
	 * each packet just before encryption, so that nothing else in the worker knows
	 * of other numbers; header extensions that the viewer did not ask for become
	 * padding, for by its numbers they would mean something else.
	 */
	class Wire
	{
	public:
		/** @param parameters of a consumer that sends, or will. */
		void Learn(const RTC::RtpParameters& parameters)
		{
			if (parameters.encodings.empty())
			{
				return;
			}

			const uint32_t ssrc = parameters.encodings[0].ssrc;

			if (std::find(this->learnt.begin(), this->learnt.end(), ssrc) != this->learnt.end())
			{
				return;
			}

			this->learnt.push_back(ssrc);

			for (const auto& codec : parameters.codecs)
			{
				const int32_t wanted = Wanted(codec.parameters, "pharos-payload-type");

				if (wanted >= 0 && wanted <= 127 && codec.payloadType <= 127)
				{
					this->payloadTypes[codec.payloadType] = static_cast<uint8_t>(wanted);
					this->active                          = true;
				}
			}

			for (const auto& extension : parameters.headerExtensions)
			{
				const int32_t wanted = Wanted(extension.parameters, "pharos-id");

				if (wanted >= 1 && wanted <= 14)
				{
					this->extensionIds[extension.id] = static_cast<uint8_t>(wanted);
				}
			}
		}

		/** @return the packet to send: `data` itself, or a copy that lasts until the next call. */
		const uint8_t* Rewrite(const uint8_t* data, size_t len) const
		{
			if (!this->active || len < RtpHeaderLength || len > MaxLength)
			{
				return data;
			}

			static thread_local std::array<uint8_t, MaxLength> copy;

			std::memcpy(copy.data(), data, len);

			const uint8_t payloadType = copy[1] & 0x7F;

			copy[1] = (copy[1] & 0x80) | this->payloadTypes[payloadType];
			RewriteExtensions(copy.data(), len);

			return copy.data();
		}

	private:
		static constexpr size_t RtpHeaderLength{ 12 };
		static constexpr size_t MaxLength{ 65536 };

		static int32_t Wanted(const RTC::Parameters& parameters, const std::string& key)
		{
			return parameters.HasInteger(key) ? parameters.GetInteger(key) : -1;
		}

		/** RFC 8285, sections 4.2 and 4.3: elements with one-byte and with two-byte headers. */
		void RewriteExtensions(uint8_t* data, size_t len) const
		{
			const bool hasExtensions = (data[0] & 0x10) != 0;
			const size_t start       = RtpHeaderLength + (data[0] & 0x0F) * size_t{ 4 };

			if (!hasExtensions || start + 4 > len)
			{
				return;
			}

			const uint16_t profile = static_cast<uint16_t>(data[start] << 8 | data[start + 1]);
			const size_t words     = static_cast<size_t>(data[start + 2] << 8 | data[start + 3]);
			const size_t end       = std::min(len, start + 4 + words * 4);
			const bool oneByte     = profile == 0xBEDE;

			if (!oneByte && (profile & 0xFFF0) != 0x1000)
			{
				return;
			}

			size_t at = start + 4;

			while (at < end)
			{
				const uint8_t id = oneByte ? data[at] >> 4 : data[at];

				// Padding.
				if (id == 0)
				{
					at++;
					continue;
				}

				// RFC 8285, section 4.2: 15 stops the reading of one-byte headers.
				if ((oneByte && id == 15) || (!oneByte && at + 1 >= end))
				{
					return;
				}

				const size_t valueLength = oneByte ? (data[at] & 0x0F) + size_t{ 1 } : data[at + 1];
				const size_t next        = std::min(end, at + (oneByte ? 1 : 2) + valueLength);
				const uint8_t wanted     = this->extensionIds[id];

				if (wanted == 0)
				{
					std::memset(data + at, 0, next - at);
				}
				else if (oneByte)
				{
					data[at] = static_cast<uint8_t>(wanted << 4 | (data[at] & 0x0F));
				}
				else
				{
					data[at] = wanted;
				}

				at = next;
			}
		}

		static std::array<uint8_t, 128> Identity()
		{
			std::array<uint8_t, 128> numbers{};

			for (size_t i{ 0 }; i < numbers.size(); ++i)
			{
				numbers[i] = static_cast<uint8_t>(i);
			}

			return numbers;
		}

		bool active{ false };
		/** SSRCs of the consumers whose parameters are known: a viewer has two. */
		std::vector<uint32_t> learnt;
		std::array<uint8_t, 128> payloadTypes{ Identity() };
		std::array<uint8_t, 256> extensionIds{};
	};
} // namespace pharos

#endif
